#include "erofs/image_output.h"

#include <algorithm>

#include "base/check.h"
#include "os/file.h"

namespace zeropull::erofs {

Result<void> ImageOutput::append(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kBufferSize - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    if (buffer_.size() == kBufferSize) TRY(flush());
  }
  return {};
}

Result<void> ImageOutput::pad_to(std::uint64_t offset) {
  CHECK(offset >= position());
  static constexpr std::array<std::byte, kBlockSize> kZeros{};
  while (position() < offset) {
    TRY(append(ByteView(kZeros).first(std::min<std::uint64_t>(kZeros.size(), offset - position()))));
  }
  return {};
}

Result<Sha256> ImageOutput::finish() {
  TRY(flush());
  CHECK(flushed_ >= kBlockSize);
  return hasher_.finish();
}

Result<void> ImageOutput::write_first_block() { return os::write_all_at(fd_, first_block_, 0); }

Result<void> ImageOutput::flush() {
  if (flushed_ == 0) std::copy_n(buffer_.begin(), std::min<std::size_t>(buffer_.size(), kBlockSize), first_block_.begin());
  hasher_.update(buffer_);
  TRY(os::write_all_at(fd_, buffer_, flushed_));
  flushed_ += buffer_.size();
  buffer_.clear();
  return {};
}

}  // namespace zeropull::erofs
