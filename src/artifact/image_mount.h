// The plain mount: a complete metadata image and its complete blobs as one read-only EROFS mount, with no process of ours in the
// path of a read. Over loop devices with direct I/O, or straight from the files with `directio` where the operator allows it
// (kernels without the fix for CVE-2026-23224 can crash on that). Either way no byte is in the page cache twice.
#pragma once

#include <string>
#include <vector>

#include "artifact/cache_folder.h"
#include "base/result.h"

namespace zeropull::artifact {

struct ImageFiles {
  std::string metadata;              // path of the metadata image
  std::vector<std::string> devices;  // paths of the distinct non-empty data blobs, in the metadata image's device order
};

// Of a whole artifact in a folder. Nothing is checked: see check_attach() in artifact/verify.h.
ImageFiles files_of(const CacheFolder& folder, const ArtifactIndex& index);

enum class FileDirectIo { kRefused, kAllowed };

// Mounts an artifact's tree on an existing folder. The way is chosen by trying, never by kernel version: loop devices first, then
// the files where allowed. Every file's size must be a multiple of 4 KiB. Needs root. kDataLoss for a size that cannot be right.
Result<void> mount_image(const ImageFiles& files, const std::string& mount_point, FileDirectIo file_direct_io);

}  // namespace zeropull::artifact
