// The EROFS writer: a Tree becomes a metadata image, a small, complete EROFS file system whose file contents rest on data
// devices. The kernel mounts it with one `device=` for each, in order. Called by whoever merged an image's layers, from any
// thread; it owns nothing. The format: layout.h, docs/formats/erofs.md.
//
// Reproducible to the byte: the image depends on the tree's content and the devices' sizes alone, not on the order in which the
// tree was made, on time, host or randomness.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "erofs/tree.h"

namespace zeropull::erofs {

struct DeviceInfo {
  std::uint64_t size_bytes = 0;  // a multiple of kBlockSize, above 0
};

struct ImageInfo {
  std::uint64_t size_bytes = 0;  // of the metadata image; a multiple of kBlockSize
  std::uint64_t inode_count = 0;
};

// Writes the metadata image of a tree into an empty file open for writing. `devices[n - 1]` is the device n of FileData. Takes
// about 1 s and 20 bytes of memory for a million inodes beside the tree's, and does not fsync. kInvalidArgument when a file's
// data lie beyond their device or a device's size is no device size; kResourceExhausted when the tree does not fit the format.
// On an error the file's content is of no use.
Result<ImageInfo> write_image(const Tree& tree, std::span<const DeviceInfo> devices, int fd);

}  // namespace zeropull::erofs
