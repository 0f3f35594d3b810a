// Every size and count limit of the artifact room, with its reason.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace zeropull::artifact {

// The unit that is fetched, compressed, encrypted, verified and recorded as present.
inline constexpr std::uint64_t kFrameSize = kMiB;

// Files start on block boundaries in a blob: EROFS addresses data in blocks.
inline constexpr std::uint64_t kBlockSize = 4096;

// Packs are put whole from memory; an object store's single put takes this easily, and a lost put costs no more than this.
inline constexpr std::uint64_t kPackSizeMax = 16 * kMiB;

// An image manifest or index larger than this is refused, as registries and containerd do.
inline constexpr std::uint64_t kManifestSizeMax = 4 * kMiB;

// An image's layers: EROFS takes more devices, but so many layers are a mistake.
inline constexpr std::size_t kLayersMax = 512;

// The default for how far one layer may expand before its conversion is refused.
inline constexpr std::uint64_t kLayerExpandedMax = 256 * kGiB;

}  // namespace zeropull::artifact
