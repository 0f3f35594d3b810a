#include "artifact/image_mount.h"

#include "artifact/limits.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::artifact {

namespace {

Result<void> check_size(const std::string& path) {
  auto info = TRY(os::stat_path(path));
  auto size = static_cast<std::uint64_t>(info.st_size);
  if (size == 0 || size % kBlockSize != 0) {
    return make_error(Code::kDataLoss, "{}: {} bytes is no whole number of {}-byte blocks", path, size, kBlockSize);
  }
  return {};
}

Result<void> mount_over_loops(const ImageFiles& files, const std::string& mount_point) {
  std::vector<os::LoopDevice> loops;  // kept until the mount holds them
  loops.reserve(files.devices.size() + 1);
  auto metadata = TRY(os::LoopDevice::attach(files.metadata));
  os::FilesystemMount mount;
  mount.type = "erofs";
  mount.options.emplace_back("source", metadata.path());
  loops.push_back(std::move(metadata));
  for (const auto& device : files.devices) {
    auto loop = TRY(os::LoopDevice::attach(device));
    mount.options.emplace_back("device", loop.path());
    loops.push_back(std::move(loop));
  }
  return os::mount_filesystem(mount, mount_point);
}

Result<void> mount_from_files(const ImageFiles& files, const std::string& mount_point) {
  os::FilesystemMount mount;
  mount.type = "erofs";
  mount.options.emplace_back("source", files.metadata);
  for (const auto& device : files.devices) mount.options.emplace_back("device", device);
  mount.flags.emplace_back("directio");
  return os::mount_filesystem(mount, mount_point);
}

}  // namespace

ImageFiles files_of(const CacheFolder& folder, const ArtifactIndex& index) {
  ImageFiles files{.metadata = folder.blob_path(index.metadata_blob().id), .devices = {}};
  for (BlobNumber blob : index.devices()) files.devices.push_back(folder.blob_path(index.blobs()[blob].id));
  return files;
}

Result<void> mount_image(const ImageFiles& files, const std::string& mount_point, FileDirectIo file_direct_io) {
  TRY(check_size(files.metadata));
  for (const auto& device : files.devices) TRY(check_size(device));
  auto mounted = mount_over_loops(files, mount_point);
  if (mounted.ok() || file_direct_io == FileDirectIo::kRefused) return mounted;
  auto from_files = mount_from_files(files, mount_point);
  if (from_files.ok()) return {};
  return std::move(from_files).with_context("over loop devices: {}; from the files", mounted.error().message());
}

}  // namespace zeropull::artifact
