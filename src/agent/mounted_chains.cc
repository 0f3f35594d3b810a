#include "agent/mounted_chains.h"

#include <algorithm>

#include "agent/log.h"
#include "artifact/prefix_image.h"
#include "artifact/verify.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {}

Result<std::unique_ptr<MountedChains>> MountedChains::create(const std::string& root, ImageCatalog& catalog,
                                                             artifact::FileDirectIo file_direct_io) {
  TRY(os::ensure_folder(root + "/prefixes"));
  auto points = TRY(MountPoints::open(root + "/mounts", file_direct_io));
  return std::unique_ptr<MountedChains>(new MountedChains(root, catalog, std::move(points)));
}

Result<std::optional<snapshot::CachedPrefix>> MountedChains::find(const Context&, const ChainId& chain_id) {
  auto chain = catalog_.find_chain(chain_id);
  if (!chain) return std::optional<snapshot::CachedPrefix>();
  const auto& index = *chain->found.artifact;
  bool local = chain->found.source == SourceKind::kCache;
  snapshot::CachedPrefix prefix;
  for (const auto& layer : std::span(index.image().layers).first(chain->layers)) {
    snapshot::CachedLayer cached{.chain_id = layer.chain_id};
    if (local) {
      cached.size = index.blobs()[layer.tree_blob].size;
      if (layer.data_blob) cached.size += index.blobs()[*layer.data_blob].size;
    }
    prefix.layers.push_back(cached);
  }
  return std::optional(std::move(prefix));
}

Result<std::string> MountedChains::mount_prefix(const Context& ctx, const ChainId& chain_id) {
  std::lock_guard lock(mutex_);
  auto name = chain_id.hex();
  if (points_.mounted(name)) {
    const auto& source = points_.source(name);
    if (source.empty() || catalog_.serves(source)) return points_.path(name);
    // Its volume was found to have wrong bytes. What runs on the mount keeps it; nothing new is to stand on it.
    LOG_WARN(kLog, "layers {}: their mount stands on {}, which was withdrawn; mount them anew", chain_id, source);
    TRY(points_.unmount(name));
  }
  auto chain = catalog_.find_chain(chain_id);
  if (!chain) {
    return make_error(Code::kNotFound,
                      "mount layers {}: no image on this instance or its volumes has them; `zeropull run` or a "
                      "pull brings them back",
                      chain_id);
  }
  auto files = TRY(files_of(ctx, *chain, chain_id).with_context("mount layers {}", chain_id));
  TRY(points_.mount(name, files, chain->found.folder->path()).with_context("mount layers {}", chain_id));
  return points_.path(name);
}

Result<artifact::ImageFiles> MountedChains::files_of(const Context& ctx, const FoundChain& chain, const ChainId& id) {
  const auto& index = *chain.found.artifact;
  const auto& folder = *chain.found.folder;
  artifact::ImageFiles files;
  if (chain.whole()) {
    TRY(artifact::check_blob(ctx, folder, index, index.image().metadata_blob));
    files.metadata = folder.blob_path(index.metadata_blob().id);
  } else {
    files.metadata = TRY(prefix_metadata(ctx, chain, id));
  }
  for (auto blob : artifact::prefix_devices(index.image(), chain.layers)) {
    files.devices.push_back(folder.blob_path(index.blobs()[blob].id));
  }
  return files;
}

// The prefix's metadata image, built unless a good one is there: its name holds the hash of its bytes.
Result<std::string> MountedChains::prefix_metadata(const Context& ctx, const FoundChain& chain, const ChainId& id) {
  auto folder = root_ + "/prefixes";
  auto names = TRY(os::list_folder(folder));
  for (const auto& name : names) {
    if (!name.starts_with(id.hex() + "-")) continue;
    auto path = fmt::format("{}/{}", folder, name);
    auto hash = TRY(artifact::hash_file(path));
    if (name == fmt::format("{}-{}", id.hex(), hash.hex())) return path;
    LOG_WARN(kLog, "prefix image {} is damaged; build it again", path);
    TRY(os::remove_file(path));
  }
  auto temporary = fmt::format("{}/tmp-{}", folder, id.hex());
  TRY(os::remove_file(temporary));
  TRY(artifact::build_prefix_image(ctx, *chain.found.folder, *chain.found.artifact, chain.layers, temporary));
  auto hash = TRY(artifact::hash_file(temporary));
  auto path = fmt::format("{}/{}-{}", folder, id.hex(), hash.hex());
  TRY(os::rename_path(temporary, path));
  TRY(os::sync_folder(folder));
  return path;
}

Result<void> MountedChains::release(const Context&, const ChainId& chain_id) {
  std::lock_guard lock(mutex_);
  return points_.unmount(chain_id.hex());
}

Result<void> MountedChains::release_all_but(const Context&, std::span<const ChainId> in_use) {
  std::set<std::string> keep;
  for (const auto& chain : in_use) keep.insert(chain.hex());
  std::lock_guard lock(mutex_);
  for (const auto& name : points_.names()) {
    if (!keep.contains(name)) TRY(points_.unmount(name));
  }
  // Prefix images of chains that nothing here holds any more.
  auto prefixes = TRY(os::list_folder(root_ + "/prefixes"));
  for (const auto& name : prefixes) {
    auto chain = Sha256::from_hex(name.substr(0, name.find('-')));
    if (chain && (keep.contains(chain->hex()) || catalog_.find_chain(ChainId{*chain}))) continue;
    TRY(os::remove_file(fmt::format("{}/prefixes/{}", root_, name)));
  }
  return {};
}

}  // namespace zeropull::agent
