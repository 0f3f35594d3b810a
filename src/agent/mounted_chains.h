// MountedChains: the EROFS mounts that snapshots stand on, one for each chain id in use, at `<root>/mounts/<chain id>`. It
// implements the snapshotter's CachedLayers over the ImageCatalog. A whole image is mounted from its own metadata image; a
// shorter prefix from one that is merged from the layer tree tables, once, and kept at `<root>/prefixes/<chain id>-<sha256 of the
// image>`.
//
// Everything that the kernel is given to parse was hashed first. A mount that stands on a withdrawn volume is given to no new
// snapshot. Mounts outlive the agent (mount_points.h). Thread-safe; mounting and unmounting are serialised.
#pragma once

#include <mutex>
#include <string>

#include "agent/image_catalog.h"
#include "agent/mount_points.h"
#include "artifact/image_mount.h"
#include "snapshot/cached_layers.h"

namespace zeropull::agent {

class MountedChains final : public snapshot::CachedLayers {
 public:
  static Result<std::unique_ptr<MountedChains>> create(const std::string& root, ImageCatalog& catalog,
                                                       artifact::FileDirectIo file_direct_io);

  Result<std::optional<snapshot::CachedPrefix>> find(const Context& ctx, const ChainId& chain_id) override;
  Result<std::string> mount_prefix(const Context& ctx, const ChainId& chain_id) override;
  Result<void> release(const Context& ctx, const ChainId& chain_id) override;
  Result<void> release_all_but(const Context& ctx, std::span<const ChainId> in_use) override;

 private:
  MountedChains(std::string root, ImageCatalog& catalog, MountPoints points)
      : root_(std::move(root)), catalog_(catalog), points_(std::move(points)) {}
  Result<artifact::ImageFiles> files_of(const Context& ctx, const FoundChain& chain, const ChainId& id);
  Result<std::string> prefix_metadata(const Context& ctx, const FoundChain& chain, const ChainId& id);

  const std::string root_;
  ImageCatalog& catalog_;
  std::mutex mutex_;
  MountPoints points_;  // by chain id in hex; guarded by mutex_
};

}  // namespace zeropull::agent
