// ByteSource: a pull stream of bytes, the seam between descriptors, decoders, hashers and the tar reader. Decoders are sources
// over sources, so that a layer is read as FdSource -> HashingSource (digest) -> decoder -> HashingSource (diff id) -> TarReader
// without a copy between the stages: each one writes into the buffer of the stage that asks. A chain belongs to one thread.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/digest.h"

namespace zeropull::codec {

class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  // Fills the front of `out`, which is not empty, and returns how much: possibly less than there is room for, 0 at the end
  // alone. After an error the source is not read again.
  virtual Result<std::size_t> read(MutableByteView out) = 0;
};

// Reads a descriptor from its current position. Does not own it.
class FdSource final : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  Result<std::size_t> read(MutableByteView out) override;

 private:
  int fd_;
};

// Reads bytes that outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(ByteView bytes) : rest_(bytes) {}
  Result<std::size_t> read(MutableByteView out) override;

 private:
  ByteView rest_;
};

// Passes another source's bytes on, hashing and counting them.
class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& source) : source_(source) {}
  Result<std::size_t> read(MutableByteView out) override;

  std::uint64_t size() const { return size_; }  // bytes passed on so far
  Sha256 finish() { return hasher_.finish(); }  // of those bytes; call once, after the end

 private:
  ByteSource& source_;
  Sha256Hasher hasher_;
  std::uint64_t size_ = 0;
};

// Reads everything that is left and returns how many bytes that were.
Result<std::uint64_t> drain(ByteSource& source);

// Reads everything into memory; kInvalidArgument when it is more than `size_max`.
Result<Bytes> read_all(ByteSource& source, std::size_t size_max);

}  // namespace zeropull::codec
