// Every size and count limit of the oci room, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::oci {

// Manifests and indexes above this are refused, as registries and containerd do.
inline constexpr std::uint64_t kManifestSizeMax = 4 * kMiB;

// Configurations hold a history line a layer; real ones stay far under a mebibyte.
inline constexpr std::uint64_t kConfigSizeMax = 8 * kMiB;

inline constexpr std::size_t kLayersMax = 512;
inline constexpr std::size_t kIndexEntriesMax = 1024;

// No layer is larger; sums of kLayersMax sizes stay far from overflow.
inline constexpr std::int64_t kLayerSizeMax = std::int64_t{1} << 46;

// Of the distribution specification: "the total length must be less than 255", and tags have at most 128 characters.
inline constexpr std::size_t kRepositoryMax = 255;
inline constexpr std::size_t kTagMax = 128;

// Token answers and docker's config.json.
inline constexpr std::uint64_t kTokenAnswerMax = kMiB;
inline constexpr std::uint64_t kAuthFileMax = kMiB;

// A transfer that broke starts counting its attempts again when it moved at least this far.
inline constexpr std::uint64_t kProgressThatCounts = kMiB;

// Attempts that the server answers and that end at one and the same byte: it does not have the rest. A network breaks elsewhere.
inline constexpr int kEndsAtOneByteMax = 3;

}  // namespace zeropull::oci
