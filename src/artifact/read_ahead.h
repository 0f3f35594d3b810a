// ReadAhead: reads a source on a thread of its own, a few buffers ahead of who reads this one, so that a stream's stages work on
// two cores. Owns the thread and the buffers. read() is called from one thread; `source` is used by the other until this object
// is gone, and destruction waits for a read of it that is under way.
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "codec/stream.h"

namespace zeropull::artifact {

class ReadAhead final : public codec::ByteSource {
 public:
  explicit ReadAhead(codec::ByteSource& source);
  ~ReadAhead() override;
  Result<std::size_t> read(MutableByteView out) override;

 private:
  struct Buffer {
    Bytes bytes;
    std::size_t size = 0;  // 0 after reading: the end
  };
  static constexpr std::size_t kBuffers = 4;
  void run();

  codec::ByteSource& source_;
  std::array<Buffer, kBuffers> buffers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_. Buffer n % kBuffers belongs to the reader while consumed_ <= n < produced_, else to the thread.
  std::size_t produced_ = 0;
  std::size_t consumed_ = 0;
  bool stopping_ = false;
  std::optional<Error> error_;  // comes after the buffers produced
  // Of the reader.
  std::size_t offset_ = 0;  // in the buffer at consumed_
  std::thread thread_;
};

}  // namespace zeropull::artifact
