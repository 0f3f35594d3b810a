#include "agent/mounted_chains.h"

#include <algorithm>

#include "artifact/prefix_image.h"
#include "artifact/verify.h"
#include "base/log.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::agent {

namespace {
constexpr Logger kLog{"agent"};
}

Result<std::unique_ptr<MountedChains>> MountedChains::create(const std::string& root, ImageCatalog& catalog,
                                                             artifact::FileDirectIo file_direct_io) {
  TRY(os::ensure_folder(root + "/mounts"));
  TRY(os::ensure_folder(root + "/prefixes"));
  std::unique_ptr<MountedChains> chains(new MountedChains(root, catalog, file_direct_io));
  TRY(chains->read_mounts());
  return chains;
}

std::string MountedChains::mount_point(const ChainId& chain) const { return fmt::format("{}/mounts/{}", root_, chain.hex()); }

Result<void> MountedChains::read_mounts() {
  auto mounts = TRY(os::list_mounts());
  auto prefix = root_ + "/mounts/";
  std::lock_guard lock(mutex_);
  for (const auto& mount : mounts) {
    if (mount.mount_point.starts_with(prefix)) mounted_.insert(mount.mount_point.substr(prefix.size()));
  }
  return {};
}

Result<std::optional<snapshot::CachedPrefix>> MountedChains::find(const Context&, const ChainId& chain_id) {
  auto chain = catalog_.find_chain(chain_id);
  if (!chain) return std::optional<snapshot::CachedPrefix>();
  const auto& index = *chain->found.image;
  bool local = chain->found.source == ImageSourceKind::kCache;
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
  auto path = mount_point(chain_id);
  if (mounted_.contains(chain_id.hex())) return path;
  auto chain = catalog_.find_chain(chain_id);
  if (!chain) {
    return make_error(Code::kNotFound,
                      "mount layers {}: no image on this instance or its volumes has them; `zeropull run` or a "
                      "pull brings them back",
                      chain_id);
  }
  auto files = TRY(files_of(ctx, *chain, chain_id).with_context("mount layers {}", chain_id));
  TRY(os::ensure_folder(path));
  TRY(artifact::mount_image(files, path, file_direct_io_).with_context("mount layers {}", chain_id));
  mounted_.insert(chain_id.hex());
  return path;
}

Result<artifact::ImageFiles> MountedChains::files_of(const Context& ctx, const FoundChain& chain, const ChainId& id) {
  const auto& index = *chain.found.image;
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
  TRY(artifact::build_prefix_image(ctx, *chain.found.folder, *chain.found.image, chain.layers, temporary));
  auto hash = TRY(artifact::hash_file(temporary));
  auto path = fmt::format("{}/{}-{}", folder, id.hex(), hash.hex());
  TRY(os::rename_path(temporary, path));
  TRY(os::sync_folder(folder));
  return path;
}

Result<void> MountedChains::release_locked(const std::string& hex) {
  auto path = fmt::format("{}/mounts/{}", root_, hex);
  auto unmounted = os::unmount(path, os::Unmount::kLazily);
  if (!unmounted.ok() && !unmounted.failed_with(Code::kInvalidArgument) && !unmounted.failed_with(Code::kNotFound)) {
    return unmounted;
  }
  mounted_.erase(hex);
  return os::remove_tree(path);
}

Result<void> MountedChains::release(const Context&, const ChainId& chain_id) {
  std::lock_guard lock(mutex_);
  return release_locked(chain_id.hex());
}

Result<void> MountedChains::release_all_but(const Context&, std::span<const ChainId> in_use) {
  std::set<std::string> keep;
  for (const auto& chain : in_use) keep.insert(chain.hex());
  std::lock_guard lock(mutex_);
  auto names = TRY(os::list_folder(root_ + "/mounts"));
  for (const auto& name : names) {
    if (!keep.contains(name)) TRY(release_locked(name));
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
