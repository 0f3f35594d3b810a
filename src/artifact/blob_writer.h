// BlobWriter: writes a blob front to back into an empty file, a frame at a time, and hashes the frames as it goes. However
// small the pieces it is given, the system calls are one a frame; holes are neither written nor hashed. One thread at a time;
// does not own the descriptor, opens nothing.
#pragma once

#include <cstdint>

#include "artifact/frame_hasher.h"
#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::artifact {

class BlobWriter {
 public:
  explicit BlobWriter(int fd) : fd_(fd), frame_(kFrameSize) {}
  Result<void> append(ByteView bytes);
  Result<void> append_zeros(std::uint64_t count);
  Result<void> align();  // up to a whole block
  std::uint64_t size() const { return hasher_.size() + used_; }
  // Writes what is left and gives the file its size. The writer is of no more use.
  Result<FramedBlob> finish();

 private:
  Result<void> flush();

  int fd_;
  Bytes frame_;
  std::size_t used_ = 0;  // of frame_
  FrameHasher hasher_;    // of the frames before it
};

}  // namespace zeropull::artifact
