#include "artifact/blob.h"

#include <cstring>

#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

constexpr std::string_view kBlobLabel = "zeropull-blob-v1\n";

}  // namespace

std::string_view role_name(BlobRole role) {
  switch (role) {
    case BlobRole::kMetadata: return "metadata";
    case BlobRole::kLayerTree: return "layer-tree";
    case BlobRole::kLayerData: return "layer-data";
  }
  return "unknown";
}

std::optional<BlobRole> parse_role(std::string_view name) {
  for (auto role : {BlobRole::kMetadata, BlobRole::kLayerTree, BlobRole::kLayerData}) {
    if (role_name(role) == name) return role;
  }
  return std::nullopt;
}

BlobId compute_blob_id(std::uint64_t size, std::uint64_t frame_size, std::span<const Sha256> frames) {
  codec::Sha256Hasher hasher;
  std::array<std::byte, 2 * sizeof(std::uint64_t)> sizes;
  store_le(sizes.data(), size);
  store_le(sizes.data() + sizeof size, frame_size);
  hasher.update(as_bytes(kBlobLabel));
  hasher.update(sizes);
  for (const Sha256& frame : frames) hasher.update(frame.view());
  return BlobId{hasher.finish()};
}

bool all_zero(ByteView bytes) {
  // The first byte is zero and every byte equals the one before it: memcmp does this at memory speed.
  return bytes.empty() || (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace zeropull::artifact
