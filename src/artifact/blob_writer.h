// BlobWriter: writes a blob front to back into an empty file, a frame at a time, and hashes the frames as it goes. However
// small the pieces it is given, the system calls are one a frame; holes are neither written nor hashed. One thread at a time;
// does not own the descriptor, opens nothing.
//
// Full frames are hashed and written by a thread of its own, made for the first one, so that whoever fills the writer goes on
// meanwhile. The file may be open for direct writes when the blob is a whole number of blocks (align()): memory and offsets suit.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "artifact/frame_buffer.h"
#include "artifact/frame_hasher.h"
#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::artifact {

class BlobWriter {
 public:
  explicit BlobWriter(int fd) : fd_(fd) {}
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;
  ~BlobWriter();
  // A failed write is told by a later call, finish() at the latest.
  Result<void> append(ByteView bytes);
  Result<void> append_zeros(std::uint64_t count);
  Result<void> align();  // up to a whole block
  std::uint64_t size() const { return size_; }
  // Writes what is left and gives the file its size. The writer is of no more use.
  Result<FramedBlob> finish();

 private:
  // A frame, or the front of one, and the whole frames of zeros before it.
  struct Slot {
    FrameBuffer frame;
    std::size_t used = 0;
    std::uint64_t zeros = 0;
  };
  static constexpr std::size_t kSlots = 3;

  Slot& filling() { return slots_[filled_ % kSlots]; }
  MutableByteView room();
  Result<void> take(std::size_t size);  // so many bytes of room() are filled
  Result<void> pass_on();               // the slot that is full, and waits for an empty one
  void run();
  Result<void> write(Slot& slot);
  void stop();

  const int fd_;
  std::uint64_t size_ = 0;
  FrameHasher hasher_;  // of what is written; the thread's while there is one
  std::array<Slot, kSlots> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_ once there is a thread. Slot n % kSlots is the thread's while written_ <= n < filled_.
  std::size_t filled_ = 0;
  std::size_t written_ = 0;
  bool ending_ = false;
  std::optional<Error> error_;
  std::thread thread_;
};

}  // namespace zeropull::artifact
