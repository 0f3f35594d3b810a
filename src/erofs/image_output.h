// ImageOutput: writes an image from front to end through a large buffer and hashes it on the way; the first block, which holds
// the superblock, is written last, when the hash is known. Used by one writer.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/digest.h"
#include "erofs/limits.h"

namespace zeropull::erofs {

class ImageOutput {
 public:
  explicit ImageOutput(int fd) : fd_(fd) { buffer_.reserve(kBufferSize); }

  Result<void> append(ByteView bytes);
  template <typename T>
  Result<void> append_struct(const T& value) {
    return append(std::as_bytes(std::span(&value, 1)));
  }
  Result<void> pad_to(std::uint64_t offset);  // with zeros; not behind position()
  std::uint64_t position() const { return flushed_ + buffer_.size(); }

  // Writes what is left and returns the SHA-256 of everything appended; at least a block was. The first block may then be
  // changed.
  Result<Sha256> finish();
  MutableByteView first_block() { return first_block_; }
  Result<void> write_first_block();

 private:
  static constexpr std::size_t kBufferSize = 1 << 20;
  Result<void> flush();

  int fd_;
  Bytes buffer_;
  std::uint64_t flushed_ = 0;
  std::array<std::byte, kBlockSize> first_block_{};
  codec::Sha256Hasher hasher_;
};

}  // namespace zeropull::erofs
