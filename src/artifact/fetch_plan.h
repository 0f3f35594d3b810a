// Which reads bring an image's frames out of a store: neighbours in a pack are read together. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "artifact/index.h"

namespace zeropull::artifact {

struct PlannedFrame {
  std::uint64_t number = 0;  // in the blob
  FrameEntry entry;
};

// One ranged read of a pack and the frames in it, in the order of their bytes.
struct PlannedRead {
  std::size_t blob = 0;  // of the planned blobs
  Sha256 pack;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::vector<PlannedFrame> frames;
};

// Plans the reads of these blobs of `index`. Frames of zeros need none; that they are zeros is checked here against their hashes
// (kDataLoss). kFailedPrecondition for a frame that is in no store.
Result<std::vector<PlannedRead>> plan_fetch(const ArtifactIndex& index, std::span<const BlobNumber> blobs);

}  // namespace zeropull::artifact
