#include "artifact/attached_volume.h"

#include <sys/stat.h>

#include <algorithm>

#include "artifact/log.h"
#include "artifact/verify.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::artifact {

namespace {

// The whole check of a volume reads at most 1 MiB in this time: about 180 MB/s, whatever the disk gives.
constexpr Duration kPauseAfterFrame = std::chrono::milliseconds(5);

// Mounts an image file read-only, as ext4 or EROFS, whichever it is.
Result<void> mount_volume_image(const std::string& path, const std::string& mount_point) {
  TRY(os::ensure_folder(mount_point));
  bool mounted = TRY(os::is_mount_point(mount_point));
  // An agent before this one attached it, or another volume that had this place then. What stands on that keeps it.
  if (mounted) TRY(os::unmount(mount_point, os::Unmount::kLazily));
  Result<void> mounted_now;
  for (auto sector : {os::LoopDevice::Sector::k4096, os::LoopDevice::Sector::k512}) {  // small ext4 images have 1 KiB blocks
    auto loop = TRY(os::LoopDevice::attach(path, sector));
    os::FilesystemMount ext4{.type = "ext4", .options = {{"source", loop.path()}}, .flags = {"noload"}};
    auto as_ext4 = os::mount_filesystem(ext4, mount_point);
    if (as_ext4.ok()) return {};
    os::FilesystemMount erofs{.type = "erofs", .options = {{"source", loop.path()}}, .flags = {}};
    mounted_now = os::mount_filesystem(erofs, mount_point).with_context("neither ext4 ({}) nor EROFS", as_ext4.error().message());
    if (mounted_now.ok()) return {};
  }
  return mounted_now;
}

}  // namespace

Result<std::unique_ptr<AttachedVolume>> AttachedVolume::attach(const Context& ctx, const std::string& path,
                                                               const EndpointKey& key, const std::string& mount_point) {
  auto info = TRY(os::stat_path(path).with_context("attach volume"));
  bool image = S_ISREG(info.st_mode);
  if (image) TRY(mount_volume_image(path, mount_point).with_context("attach volume {}", path));
  std::unique_ptr<AttachedVolume> volume(new AttachedVolume(path, image ? mount_point : std::string()));
  CacheFolderOptions options{.access = Access::kRead, .key = key};
  volume->folder_ = TRY(CacheFolder::open(image ? mount_point : path, options).with_context("attach volume {}", path));

  TRY(volume->check_all(ctx));
  if (volume->checked_.lock()->good.empty()) {
    return make_error(
        Code::kFailedPrecondition,
        "attach volume {}: it holds nothing that this endpoint's key sealed; make one with `zeropull image convert`", path);
  }
  return volume;
}

Result<void> AttachedVolume::check_all(const Context& ctx) {
  Checked now;
  for (const auto& broken : folder_->broken()) now.bad.emplace(broken.path, broken.error.message());
  for (auto& found : folder_->artifacts()) {
    auto before = find(found->name());
    if (before && std::ranges::equal(before->bytes(), found->bytes())) {
      now.good.emplace(before->name(), before);
      continue;
    }
    auto checked = check_attach(ctx, *folder_, *found);
    TRY(ctx.check());
    if (checked.ok()) {
      now.good.emplace(found->name(), std::move(found));
    } else {
      now.bad.emplace(folder_->artifact_path(found->name()), checked.error().message());
    }
  }
  auto last = checked_.lock();
  for (const auto& [at, error] : now.bad) {
    if (!last->bad.contains(at)) LOG_ERROR(kLog, "volume {}: leave out {}: {}", path_, at, error);
  }
  *last = std::move(now);
  return {};
}

Result<void> AttachedVolume::refresh(const Context& ctx) {
  TRY(folder_->refresh());
  return check_all(ctx).with_context("volume {}", path_);
}

std::vector<ImagePtr> AttachedVolume::images() const {
  std::vector<ImagePtr> images;
  if (withdrawn_) return images;
  auto checked = checked_.lock();
  for (const auto& [name, artifact] : checked->good) {
    if (name.kind == ArtifactKind::kImage) images.push_back(artifact);
  }
  return images;
}

ArtifactPtr AttachedVolume::find(const ArtifactName& name) const {
  if (withdrawn_) return nullptr;
  auto checked = checked_.lock();
  auto found = checked->good.find(name);
  return found == checked->good.end() ? nullptr : found->second;
}

std::string AttachedVolume::why_not(const ArtifactName& name) const {
  if (withdrawn_) return "withdrawn";
  auto checked = checked_.lock();
  auto bad = checked->bad.find(folder_->artifact_path(name));
  return bad == checked->bad.end() ? "not found" : bad->second;
}

Result<void> AttachedVolume::verify_all(const Context& ctx) {
  auto good = checked_.lock()->good;
  for (const auto& [name, artifact] : good) {
    auto verified = verify_artifact(ctx, *folder_, *artifact, {.threads = 1, .pause = kPauseAfterFrame});
    if (!verified.ok()) {
      if (verified.failed_with(Code::kDataLoss)) withdrawn_ = true;
      return std::move(verified).with_context("volume {}", path_);
    }
  }
  return {};
}

Result<void> AttachedVolume::detach() {
  if (mount_point_.empty()) return {};
  return os::unmount(mount_point_, os::Unmount::kLazily);
}

}  // namespace zeropull::artifact
