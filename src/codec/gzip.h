// GzipDecoder: a streaming gzip decoder (RFC 1952) on ISA-L's inflate. What it accepts is what Go's compress/gzip accepts, which
// is what containerd unpacks with: one or more members one after the other (so eStargz too), each with its CRC-32 and size
// verified, and nothing behind the last one; trailing bytes, zeros included, are an error.
#pragma once

#include <cstdint>
#include <memory>

#include "codec/stream.h"

struct inflate_state;

namespace zeropull::codec {

class GzipDecoder final : public ByteSource {
 public:
  explicit GzipDecoder(ByteSource& source);  // which must outlive it, and is read to its end
  ~GzipDecoder() override;

  // Fills `out` whole unless the stream ends. kDataLoss when the stream is truncated or corrupt.
  Result<std::size_t> read(MutableByteView out) override;

 private:
  enum class At { kFirstHeader, kBody, kNextHeader, kEnd };

  Result<bool> refill();                                 // false at the source's end
  Result<std::byte> header_byte();                       // one byte of a member's header
  Result<bool> read_header();                            // false when the source ends where a header could begin
  Result<void> skip_header_text(std::string_view what);  // a NUL-terminated field
  Result<std::size_t> inflate(MutableByteView out);      // one step; moves on to kNextHeader at a member's end
  Error corrupt(std::string_view what) const;

  ByteSource& source_;
  std::unique_ptr<inflate_state> state_;
  Bytes buffer_;
  ByteView input_;               // what of buffer_ is not consumed
  std::uint64_t input_end_ = 0;  // the position in the source of input_'s end
  bool source_ended_ = false;
  At at_ = At::kFirstHeader;
  std::uint32_t header_crc_ = 0;
};

}  // namespace zeropull::codec
