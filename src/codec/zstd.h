// Zstandard (RFC 8878): a streaming decoder for layers, and one-shot compression of frames with contexts that are kept. An object
// of these classes belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "codec/limits.h"
#include "codec/stream.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace zeropull::codec {

// Decodes any number of frames one after the other; skippable ones, as zstd:chunked carries its table of contents in, are
// skipped. Frames with a checksum are verified.
class ZstdDecoder final : public ByteSource {
 public:
  // `source` must outlive it, and is read to its end. A window takes memory, so a caller may allow less than the limit.
  explicit ZstdDecoder(ByteSource& source, int window_log_max = kZstdWindowLogMax);
  ~ZstdDecoder() override;

  // Fills `out` whole unless the stream ends. kDataLoss when the stream is truncated or corrupt, kInvalidArgument when it needs
  // a window above kZstdWindowLogMax or a dictionary, kOutOfRange for a window that only the caller's limit forbids.
  Result<std::size_t> read(MutableByteView out) override;

 private:
  ByteSource& source_;
  const int window_log_max_;
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  Bytes buffer_;
  ByteView input_;  // what of buffer_ is not consumed
  bool source_ended_ = false;
  bool in_frame_ = false;
};

class ZstdCompressor {
 public:
  explicit ZstdCompressor(int level);  // zstd's levels, 1 (fast) to 22

  // The room that compress() needs in any case for `size` bytes.
  static std::size_t bound(std::size_t size);
  // Writes one frame with its content size to the front of `out` and returns the frame's size; nullopt when `out` is too small,
  // so that a caller who offers less than the input's size learns that the input does not shrink.
  std::optional<std::size_t> compress(ByteView in, MutableByteView out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class ZstdDecompressor {
 public:
  ZstdDecompressor();
  // Decodes one whole stream into exactly `out`; kDataLoss when it is corrupt or of another size.
  Result<void> decompress(ByteView in, MutableByteView out);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace zeropull::codec
