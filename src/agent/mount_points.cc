#include "agent/mount_points.h"

#include <set>

#include "os/file.h"
#include "os/mount.h"

namespace zeropull::agent {

namespace {

constexpr std::uint64_t kSourceMax = 4096;

}  // namespace

Result<MountPoints> MountPoints::open(std::string folder, artifact::FileDirectIo file_direct_io) {
  MountPoints points(std::move(folder), file_direct_io);
  TRY(os::ensure_folder(points.folder_));
  TRY(os::ensure_folder(points.folder_ + "-sources"));
  auto mounts = TRY(os::list_mounts());
  auto prefix = points.folder_ + "/";
  for (const auto& mount : mounts) {
    if (!mount.mount_point.starts_with(prefix)) continue;
    auto name = mount.mount_point.substr(prefix.size());
    auto source = os::read_text(points.source_file(name), kSourceMax);
    points.mounted_[name] = source.ok() ? std::move(source).take() : std::string();
  }
  return points;
}

std::vector<std::string> MountPoints::names() const {
  std::set<std::string> names;
  for (const auto& [name, source] : mounted_) names.insert(name);
  auto folders = os::list_folder(folder_);
  if (folders.ok()) names.insert(folders->begin(), folders->end());
  return {names.begin(), names.end()};
}

Result<void> MountPoints::mount(const std::string& name, const artifact::ImageFiles& files, const std::string& source) {
  TRY(os::ensure_folder(path(name)));
  TRY(os::replace_file(source_file(name), as_bytes(source)));
  TRY(artifact::mount_image(files, path(name), file_direct_io_));
  mounted_[name] = source;
  return {};
}

Result<void> MountPoints::unmount(const std::string& name) {
  auto unmounted = os::unmount(path(name), os::Unmount::kLazily);
  if (!unmounted.ok() && !unmounted.failed_with(Code::kInvalidArgument) && !unmounted.failed_with(Code::kNotFound)) {
    return unmounted;
  }
  mounted_.erase(name);
  TRY(os::remove_file(source_file(name)));
  return os::remove_tree(path(name));
}

}  // namespace zeropull::agent
