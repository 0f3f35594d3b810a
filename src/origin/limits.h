// Every size and count limit of the origin room, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::origin {

// SageMaker's limit of a model's S3 URI; a presigned https URL may be longer.
inline constexpr std::size_t kS3UriMax = kKiB;

// Files of one model. The largest ones we know have some hundred.
inline constexpr std::size_t kFilesMax = 100'000;

// What Linux takes as the name of a file, and as a path below a mount.
inline constexpr std::size_t kNameMax = 255;
inline constexpr std::size_t kPathMax = 3 * kKiB;

// Folders within one another of a file:// model.
inline constexpr int kFolderDepthMax = 32;

// One page of a bucket's listing: 1000 keys of 1024 bytes, each of them escaped, and what is said about them.
inline constexpr std::size_t kListPageMax = 8 * kMiB;
inline constexpr int kListPageKeys = 1000;
inline constexpr int kXmlDepthMax = 16;
inline constexpr std::size_t kXmlTextMax = 8 * kKiB;

// Above so many objects their digests are not asked for one by one.
inline constexpr std::size_t kDigestsAskedMax = 2'000;
inline constexpr std::size_t kDigestRequests = 16;  // at once

// Bytes after which a transfer that breaks counts its attempts from one again.
inline constexpr std::uint64_t kProgressThatCounts = kMiB;

// A local file is handed over in pieces of this.
inline constexpr std::size_t kFilePiece = kMiB;

}  // namespace zeropull::origin
