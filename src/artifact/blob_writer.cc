#include "artifact/blob_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "os/file.h"

namespace zeropull::artifact {

BlobWriter::~BlobWriter() { stop(); }

MutableByteView BlobWriter::room() {
  Slot& slot = filling();
  if (!slot.frame) slot.frame = allocate_frame_buffer();
  return MutableByteView(slot.frame.get(), kFrameSize).subspan(slot.used);
}

Result<void> BlobWriter::take(std::size_t size) {
  size_ += size;
  filling().used += size;
  if (filling().used < kFrameSize) return {};
  return pass_on();
}

Result<void> BlobWriter::append(ByteView bytes) {
  while (!bytes.empty()) {
    const MutableByteView out = room();
    const ByteView piece = bytes.first(std::min(bytes.size(), out.size()));
    std::memcpy(out.data(), piece.data(), piece.size());
    bytes = bytes.subspan(piece.size());
    TRY(take(piece.size()));
  }
  return {};
}

Result<void> BlobWriter::append_zeros(std::uint64_t count) {
  while (count > 0) {
    if (filling().used == 0 && count >= kFrameSize) {
      const std::uint64_t whole = count - count % kFrameSize;
      filling().zeros += whole;
      size_ += whole;
      count -= whole;
      continue;
    }
    const MutableByteView out = room();
    const auto piece = std::min<std::uint64_t>(count, out.size());
    std::memset(out.data(), 0, piece);
    count -= piece;
    TRY(take(piece));
  }
  return {};
}

Result<void> BlobWriter::align() { return append_zeros(align_up(size_, kBlockSize) - size_); }

Result<FramedBlob> BlobWriter::finish() {
  stop();
  if (error_) return std::move(*error_);
  TRY(write(filling()));
  TRY(os::set_file_size(fd_, size_));
  return hasher_.finish();
}

Result<void> BlobWriter::pass_on() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  {
    std::unique_lock lock(mutex_);
    ++filled_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return filled_ - written_ < kSlots || error_.has_value(); });
    if (error_) return error_->clone();
  }
  return {};
}

// Ends the thread once it has written what was passed on, or failed to.
void BlobWriter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BlobWriter::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ending_ || written_ < filled_; });
    if (written_ == filled_) return;
    Slot& slot = slots_[written_ % kSlots];
    lock.unlock();
    auto result = write(slot);
    lock.lock();
    if (!result.ok()) {
      error_ = std::move(result).take_error();
      changed_.notify_all();
      return;
    }
    ++written_;
    changed_.notify_all();
  }
}

Result<void> BlobWriter::write(Slot& slot) {
  hasher_.skip_zeros(std::exchange(slot.zeros, 0));
  const ByteView bytes(slot.frame.get(), std::exchange(slot.used, 0));
  TRY(os::write_all_at(fd_, bytes, hasher_.size()).with_context("write a blob"));
  hasher_.update(bytes);
  return {};
}

}  // namespace zeropull::artifact
