#include "artifact/frame_hasher.h"

#include <algorithm>
#include <array>
#include <utility>

namespace zeropull::artifact {
namespace {

constexpr std::array<std::byte, 64 * kKiB> kZeros{};

}  // namespace

void FrameHasher::update(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min<std::size_t>(bytes.size(), kFrameSize - in_frame_));
    hasher_.update(piece);
    in_frame_ += piece.size();
    blob_.size += piece.size();
    bytes = bytes.subspan(piece.size());
    if (in_frame_ == kFrameSize) end_frame();
  }
}

void FrameHasher::skip_zeros(std::uint64_t count) {
  while (count > 0) {
    if (in_frame_ == 0 && count >= kFrameSize) {
      blob_.frames.push_back(zero_frame());
      blob_.size += kFrameSize;
      count -= kFrameSize;
      continue;
    }
    const auto piece = std::min<std::uint64_t>({count, kZeros.size(), kFrameSize - in_frame_});
    update(ByteView(kZeros).first(piece));
    count -= piece;
  }
}

void FrameHasher::end_frame() {
  blob_.frames.push_back(hasher_.finish());
  in_frame_ = 0;
}

// Called between frames alone, when the hasher is free.
Sha256 FrameHasher::zero_frame() {
  if (!zero_frame_) {
    for (std::uint64_t done = 0; done < kFrameSize; done += kZeros.size()) hasher_.update(kZeros);
    zero_frame_ = hasher_.finish();
  }
  return *zero_frame_;
}

FramedBlob FrameHasher::finish() {
  if (in_frame_ > 0) end_frame();
  return std::exchange(blob_, {});
}

}  // namespace zeropull::artifact
