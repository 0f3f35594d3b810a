#include "erofs/inode.h"

#include "base/units.h"

namespace zeropull::erofs {

namespace {

bool known_type(std::uint16_t mode) {
  return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

// [offset, offset + length) rounded up to blocks lies on some device.
bool addressable(std::uint64_t offset, std::uint64_t length) {
  return offset % kBlockSize == 0 && offset <= kDeviceSizeMax && align_up(length, kBlockSize) <= kDeviceSizeMax - offset;
}

Result<void> check_extents(std::uint64_t size, std::span<const Extent> extents) {
  const std::uint64_t chunk = sparse_chunk_size(size);
  std::uint64_t end = 0;
  for (const Extent& extent : extents) {
    const bool inside = extent.length > 0 && extent.file_offset < size && extent.length <= size - extent.file_offset;
    const bool ascending = extent.file_offset >= end;
    const bool whole =
        extent.file_offset % chunk == 0 && (extent.length % chunk == 0 || extent.file_offset + extent.length == size);
    if (!inside || !ascending || !whole || !addressable(extent.blob_offset, extent.length)) {
      return make_error(
          Code::kInvalidArgument,
          "extent at {} of {} bytes, in the blob at {}: not of whole, ascending {}-byte chunks of a file of {} bytes",
          extent.file_offset, extent.length, extent.blob_offset, chunk, size);
    }
    end = extent.file_offset + extent.length;
  }
  return {};
}

Result<void> check_data(const Inode& inode) {
  const FileData& data = inode.data;
  if (inode.size > kFileSizeMax) return make_error(Code::kInvalidArgument, "file of {} bytes is too large", inode.size);
  if (data.device > kDevicesMax) {
    return make_error(Code::kInvalidArgument, "data device {} is above {}", data.device, kDevicesMax);
  }
  const bool placed = data.blob_offset != 0 || !data.extents.empty();
  if (data.device == 0 && placed) return make_error(Code::kInvalidArgument, "file data without a device");
  if (data.device != 0 && inode.size == 0) return make_error(Code::kInvalidArgument, "empty file with data");
  if (data.device == 0) return {};
  if (data.extents.empty()) {
    if (addressable(data.blob_offset, inode.size)) return {};
    return make_error(Code::kInvalidArgument, "file data at {} of {} bytes: not at a block of a device", data.blob_offset,
                      inode.size);
  }
  if (data.blob_offset != 0) return make_error(Code::kInvalidArgument, "sparse file with a contiguous place");
  return check_extents(inode.size, data.extents);
}

}  // namespace

std::uint64_t sparse_chunk_size(std::uint64_t size) {
  std::uint64_t chunk = kBlockSize;
  while (divide_up(size, chunk) > kSparseChunksMax) chunk *= 2;
  return chunk;
}

Result<void> check_inode(const Inode& inode) {
  if (!known_type(inode.mode)) return make_error(Code::kInvalidArgument, "mode {:o} has no file type", inode.mode);
  if (inode.mtime.seconds < 0 || inode.mtime.nanoseconds >= 1'000'000'000) {
    return make_error(Code::kInvalidArgument, "time {} s {} ns is out of range", inode.mtime.seconds, inode.mtime.nanoseconds);
  }
  const bool has_data = inode.size != 0 || inode.data.device != 0 || inode.data.blob_offset != 0 || !inode.data.extents.empty();
  if (inode.is_regular()) {
    if (auto checked = check_data(inode); !checked.ok()) return checked;
  } else if (has_data) {
    return make_error(Code::kInvalidArgument, "mode {:o} with file data", inode.mode);
  }
  const bool fit_target = inode.target.size() <= kSymlinkTargetMax && inode.target.find('\0') == std::string_view::npos;
  if (inode.is_symlink() == inode.target.empty() || !fit_target) {
    return make_error(Code::kInvalidArgument, "mode {:o} with a target of {} bytes", inode.mode, inode.target.size());
  }
  if (!inode.is_device() && inode.rdev != DeviceNumber{}) {
    return make_error(Code::kInvalidArgument, "mode {:o} with a device number", inode.mode);
  }
  if (inode.rdev.major > kMajorMax || inode.rdev.minor > kMinorMax) {
    return make_error(Code::kInvalidArgument, "device number {}:{} is out of range", inode.rdev.major, inode.rdev.minor);
  }
  return {};
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) {
    return make_error(Code::kInvalidArgument, "name of {} bytes: 1 to {} are allowed", name.size(), kNameMax);
  }
  const bool separators = name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos;
  if (separators || name == "." || name == "..") {
    return make_error(Code::kInvalidArgument, "a name that holds '/' or NUL, or is . or ..");
  }
  return {};
}

}  // namespace zeropull::erofs
