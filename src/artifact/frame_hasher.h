// FrameHasher: hashes a blob's bytes frame by frame while they are written, in order and once. Whoever fills a blob owns one and
// calls it from its own thread. A hole costs a comparison a frame, not a hash of a MiB of zeros.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "artifact/blob.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "codec/digest.h"

namespace zeropull::artifact {

// What is known of a blob after its last byte: its size and the hash of each frame of kFrameSize, the last one short.
struct FramedBlob {
  std::uint64_t size = 0;
  std::vector<Sha256> frames;
  BlobId id() const { return compute_blob_id(size, kFrameSize, frames); }
};

class FrameHasher {
 public:
  void update(ByteView bytes);
  void skip_zeros(std::uint64_t count);  // as update() with so many zero bytes
  std::uint64_t size() const { return blob_.size; }
  FramedBlob finish();  // leaves the hasher ready for the next blob

 private:
  void end_frame();
  Sha256 zero_frame();

  codec::Sha256Hasher hasher_;
  std::uint64_t in_frame_ = 0;  // bytes of the current frame so far
  std::optional<Sha256> zero_frame_;
  FramedBlob blob_;
};

}  // namespace zeropull::artifact
