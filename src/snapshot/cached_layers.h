// CachedLayers: where the snapshotter learns that the layers of an image are complete on this instance and gets them mounted.
// It hides whether they lie in the local cache or on an attached volume. The agent implements it; FolderLayers (folder_layers.h)
// is the tests' fake. OverlaySnapshotter calls it from its callers' threads, never two calls at once that change mounts, and
// holds no lock of its own that stat, walk or usage need.
//
// A chain id (image-spec, "Layer ChainID") names a prefix of an image's layers, so equal chain ids mean equal trees.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"

namespace zeropull::snapshot {

struct CachedLayer {
  ChainId chain_id;          // of the prefix that ends with this layer
  std::uint64_t size = 0;    // what it takes on this instance's disk; 0 when it lies on a volume
  std::uint64_t inodes = 0;  // entries of its tree
};
struct CachedPrefix {
  std::vector<CachedLayer> layers;  // bottom first; the last one's chain id is the one asked for
};

class CachedLayers {
 public:
  virtual ~CachedLayers() = default;

  // Whether `chain_id` is a prefix of an image whose blobs are all complete here. Never waits for a network and builds nothing.
  virtual Result<std::optional<CachedPrefix>> find(const Context& ctx, const ChainId& chain_id) = 0;

  // The mount point of the prefix's merged, read-only tree; mounts it unless it is mounted, after building the prefix's metadata
  // image from local tables when there is none yet. Idempotent. The path holds none of ',', ':' and '\', and should lie below
  // the snapshotter's state folder or beside it: containerd shortens long lists of lower folders by their common prefix.
  virtual Result<std::string> mount_prefix(const Context& ctx, const ChainId& chain_id) = 0;

  // No snapshot uses the prefix any more: its mount may go. Containers that still run on it keep it alive in the kernel, so the
  // unmount is a lazy one. Artifacts stay. kNotFound and "not mounted" are no errors.
  virtual Result<void> release(const Context& ctx, const ChainId& chain_id) = 0;
  // After a restart: the same for every mount, and every loop device, of a prefix that is not `in_use`.
  virtual Result<void> release_all_but(const Context& ctx, std::span<const ChainId> in_use) = 0;
};

}  // namespace zeropull::snapshot
