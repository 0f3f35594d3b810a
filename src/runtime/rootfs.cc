#include "runtime/rootfs.h"

#include "os/merged_view.h"
#include "runtime/limits.h"

namespace zeropull::runtime {

namespace {

// Makes the image's committed row from what the snapshotter holds.
Result<void> ensure_image_row(const Context& ctx, const Snapshots& snapshots, const std::string& chain_id) {
  std::string key = fmt::format("zeropull-{:016x} {}", Random::secure().next(), chain_id);
  auto prepared = snapshots.prepare(ctx, {.key = key, .parent = "", .labels = {{kSnapshotRefLabel, chain_id}}});
  if (prepared.failed_with(Code::kAlreadyExists)) return {};
  TRY(std::move(prepared));
  TRY(snapshots.remove(ctx, key));  // an empty snapshot to unpack into: the snapshotter does not know the image
  return make_error(Code::kNotFound, "the snapshotter does not hold the image with chain id {}", chain_id);
}

Result<std::vector<std::string>> folders_of(const Mount& mount) {
  if (mount.type == "bind" || mount.type == "rbind") return std::vector{mount.source};
  constexpr std::string_view kLower = "lowerdir=";
  if (mount.type == "overlay") {
    // The upper folder of a fresh snapshot is empty, so the lower ones are all that there is to see.
    for (std::string_view option : mount.options) {
      if (!option.starts_with(kLower)) continue;
      std::vector<std::string> folders;
      for (std::size_t at = kLower.size(); at <= option.size();) {
        std::size_t end = std::min(option.find(':', at), option.size());
        folders.emplace_back(option.substr(at, end - at));
        at = end + 1;
      }
      return folders;
    }
  }
  return make_error(Code::kUnimplemented, "cannot look into a root of mount type '{}'", mount.type);
}

Result<std::vector<Mount>> prepare_once(const Context& ctx, const Snapshots& snapshots, const RootSnapshot& root) {
  std::string parent = root.image ? root.image->text() : "";
  auto mounts = snapshots.prepare(ctx, {.key = root.key, .parent = parent});
  if (!root.image || !mounts.failed_with(Code::kNotFound)) return mounts;
  TRY(ensure_image_row(ctx, snapshots, parent));
  return snapshots.prepare(ctx, {.key = root.key, .parent = parent});
}

}  // namespace

// containerd dials a snapshotter that was restarted only after a pause, and until then answers kUnavailable.
Result<std::vector<Mount>> prepare_rootfs(const Context& ctx, const Snapshots& snapshots, const RootSnapshot& root) {
  auto patience = ctx.with_timeout(kSnapshotterPatience);
  while (true) {
    auto mounts = prepare_once(ctx, snapshots, root);
    if (!mounts.failed_with(Code::kUnavailable) || !patience.sleep(kSnapshotterPause).ok()) return mounts;
  }
}

Result<os::UniqueFd> open_root(const std::vector<Mount>& mounts, const std::string& scratch_parent) {
  if (mounts.size() != 1) return make_error(Code::kUnimplemented, "cannot look into a root of {} mounts", mounts.size());
  auto folders = TRY(folders_of(mounts.front()));
  return os::open_merged_view(folders, scratch_parent);
}

}  // namespace zeropull::runtime
