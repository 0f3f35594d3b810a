#include "artifact/fetch_plan.h"

#include <map>

#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

// The hashes of so many zeros, computed once each.
class ZeroHashes {
 public:
  const Sha256& of(std::uint64_t length) {
    auto found = hashes_.find(length);
    if (found == hashes_.end()) found = hashes_.emplace(length, codec::sha256(Bytes(length))).first;
    return found->second;
  }

 private:
  std::map<std::uint64_t, Sha256> hashes_;
};

bool continues(const PlannedRead& read, std::size_t blob, const Sha256& pack, const FrameEntry& entry) {
  return read.blob == blob && read.pack == pack && read.offset + read.length == entry.offset &&
         read.length + entry.stored_length <= kFetchReadMax;
}

}  // namespace

Result<std::vector<PlannedRead>> plan_fetch(const ArtifactIndex& index, std::span<const BlobNumber> blobs) {
  std::vector<PlannedRead> reads;
  ZeroHashes zeros;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const BlobDescription& blob = index.blobs()[blobs[i]];
    for (std::uint64_t number = 0; number < blob.frames(); ++number) {
      FrameEntry entry = index.frame(blob, number);
      if (entry.codec == FrameCodec::kZero) {
        if (entry.sha256 == zeros.of(frame_length(blob.size, blob.frame_size, number))) continue;
        return make_error(Code::kDataLoss, "blob {}, frame {}: said to be zeros, with another hash", blob.id, number);
      }
      if (!entry.in_pack()) {
        return make_error(Code::kFailedPrecondition, "blob {}, frame {}: in no store; publish the image first", blob.id, number);
      }
      const Sha256& pack = blob.packs[entry.pack];
      if (reads.empty() || !continues(reads.back(), i, pack, entry)) reads.push_back({i, pack, entry.offset, 0, {}});
      reads.back().length += entry.stored_length;
      reads.back().frames.push_back({number, entry});
    }
  }
  return reads;
}

}  // namespace zeropull::artifact
