#include "artifact/read_ahead.h"

#include <algorithm>
#include <cstring>

#include "base/units.h"

namespace zeropull::artifact {

ReadAhead::ReadAhead(codec::ByteSource& source) : source_(source) {
  for (Buffer& buffer : buffers_) buffer.bytes.resize(kMiB);
  thread_ = std::thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReadAhead::run() {
  for (std::size_t number = 0;; ++number) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || number - consumed_ < kBuffers; });
      if (stopping_) return;
    }
    Buffer& buffer = buffers_[number % kBuffers];
    auto size = source_.read(buffer.bytes);
    const bool last = !size.ok() || *size == 0;
    {
      const std::lock_guard lock(mutex_);
      if (size.ok()) {
        buffer.size = *size;
        ++produced_;
      } else {
        error_ = std::move(size).take_error();
      }
    }
    changed_.notify_all();
    if (last) return;
  }
}

Result<std::size_t> ReadAhead::read(MutableByteView out) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return produced_ > consumed_ || error_.has_value(); });
  if (produced_ == consumed_) return error_->clone();
  lock.unlock();
  Buffer& buffer = buffers_[consumed_ % kBuffers];
  const std::size_t size = std::min(out.size(), buffer.size - offset_);
  std::memcpy(out.data(), buffer.bytes.data() + offset_, size);
  offset_ += size;
  if (buffer.size != 0 && offset_ == buffer.size) {  // the end stays
    offset_ = 0;
    lock.lock();
    ++consumed_;
    lock.unlock();
    changed_.notify_all();
  }
  return size;
}

}  // namespace zeropull::artifact
