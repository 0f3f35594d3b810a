// Blobs and frames: the words that every file of this room shares.
//
// A blob is a flat, uncompressed address space cut into frames of kFrameSize, the last one short. Its id is the SHA-256 of its
// size, its frame size and its frames' hashes, so that a table of frame hashes verifies against the id and each frame verifies
// alone. Plain values and pure functions, callable from any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "artifact/limits.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace zeropull::artifact {

enum class BlobRole : std::uint8_t {
  kMetadata,   // the EROFS metadata image of the merged tree
  kLayerTree,  // the layer tree table of one layer
  kLayerData,  // the file contents of one layer: an EROFS data device
};
std::string_view role_name(BlobRole role);  // "metadata", "layer-tree", "layer-data"
std::optional<BlobRole> parse_role(std::string_view name);

// The id of a blob of `size` bytes with these frame hashes, one a frame in order; see docs/formats/artifact.md.
BlobId compute_blob_id(std::uint64_t size, std::uint64_t frame_size, std::span<const Sha256> frames);

constexpr std::uint64_t frame_count(std::uint64_t size, std::uint64_t frame_size) { return divide_up(size, frame_size); }
// The bytes in frame `number` of a blob of `size` bytes.
constexpr std::uint64_t frame_length(std::uint64_t size, std::uint64_t frame_size, std::uint64_t number) {
  return std::min(frame_size, size - number * frame_size);
}

bool all_zero(ByteView bytes);

}  // namespace zeropull::artifact
