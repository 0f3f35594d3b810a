#include "artifact/blob_writer.h"

#include <algorithm>
#include <cstring>

#include "os/file.h"

namespace zeropull::artifact {

Result<void> BlobWriter::append(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), frame_.size() - used_));
    std::memcpy(frame_.data() + used_, piece.data(), piece.size());
    used_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (used_ == frame_.size()) TRY(flush());
  }
  return {};
}

Result<void> BlobWriter::append_zeros(std::uint64_t count) {
  while (count > 0) {
    if (used_ == 0 && count >= kFrameSize) {
      const std::uint64_t whole = count - count % kFrameSize;
      hasher_.skip_zeros(whole);
      count -= whole;
      continue;
    }
    const auto piece = std::min<std::uint64_t>(count, frame_.size() - used_);
    std::memset(frame_.data() + used_, 0, piece);
    used_ += piece;
    count -= piece;
    if (used_ == frame_.size()) TRY(flush());
  }
  return {};
}

Result<void> BlobWriter::align() { return append_zeros(align_up(size(), kBlockSize) - size()); }

Result<FramedBlob> BlobWriter::finish() {
  TRY(flush());
  TRY(os::set_file_size(fd_, hasher_.size()));
  return hasher_.finish();
}

Result<void> BlobWriter::flush() {
  const ByteView bytes = ByteView(frame_).first(used_);
  TRY(os::write_all_at(fd_, bytes, hasher_.size()).with_context("write a blob"));
  hasher_.update(bytes);
  used_ = 0;
  return {};
}

}  // namespace zeropull::artifact
