// Every size and count limit of the artifact room, with its reason.
#pragma once

#include <chrono>
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

// What the layers that are unpacked at once may take of memory, whatever the machine's cores. Eight keep twenty cores busy.
inline constexpr std::uint64_t kConvertMemoryMax = 192 * kMiB;

// Of that, one layer's: its child (11 to 14 MiB measured), what waits for it in the parent, and a zstd window of the usual size,
// that of all levels but the ultra ones. A layer that needs a larger window is taken up again when so much more is free.
inline constexpr std::uint64_t kLayerMemory = 24 * kMiB;
inline constexpr int kZstdWindowLogUsual = 23;

// The default for how far one layer may expand before its conversion is refused.
inline constexpr std::uint64_t kLayerExpandedMax = 256 * kGiB;

// The JSON head of an artifact index: a manifest and a configuration in base64, and some hundred bytes for each layer, blob and
// pack.
inline constexpr std::uint64_t kIndexHeadMax = 64 * kMiB;

// Image configurations and their raw bytes in the index.
inline constexpr std::uint64_t kConfigSizeMax = 4 * kMiB;

// Blobs in one artifact: two a layer and the metadata image.
inline constexpr std::size_t kBlobsMax = 2 * kLayersMax + 1;

// Frames in one artifact: 4 TiB of blobs, a table of 256 MiB.
inline constexpr std::uint64_t kFramesMax = std::uint64_t{1} << 22;

// References that resolved to one image: tags of one manifest.
inline constexpr std::size_t kReferencesMax = 1024;

// Any one text in the head beside manifest and configuration: references, media types, platforms.
inline constexpr std::size_t kHeadTextMax = 4096;

// One read from a store covers neighbouring frames of a pack up to this: large enough to fill a link with few requests, small
// enough that many run at once in little memory.
inline constexpr std::uint64_t kFetchReadMax = 4 * kMiB;

// Frames that one publishing worker takes at a time. At 3:1 they fill one pack.
inline constexpr std::uint64_t kPublishRunFrames = 48;

// How long one process waits while another changes the images of a shared cache folder: that takes a few syncs of small files.
inline constexpr auto kLockTimeout = std::chrono::seconds(30);

// Artifacts of one kind in one cache folder or one endpoint's store.
inline constexpr std::size_t kArtifactsMax = 65536;

// Threads that publish: each holds a pack of up to kPackSizeMax and compresses or waits for its put.
inline constexpr std::size_t kPublishThreads = 4;

// Reads from a store that run at once, a connection and at most 2 * kFetchReadMax of memory each.
inline constexpr std::size_t kFetchConnections = 8;

// What no index names any more stays this long in a store: a publication that is under way may be about to name it.
inline constexpr auto kCollectGrace = std::chrono::hours(24);

// A publication that takes longer is given up, well before a collector could take its first packs for orphans.
inline constexpr auto kPublicationMax = std::chrono::hours(12);

// Files of one model that are taken as they are: a listing, and a tree in memory, of some hundred MiB.
inline constexpr std::size_t kModelFilesMax = std::size_t{1} << 20;

// What one connection to a model's origin brings at a time, on frame boundaries of the blob: a 128th of the model within these
// bounds. Few requests for a large model; and what all connections have under way at the end, which a file's own digest has to
// wait for, is an eighth of it at most.
inline constexpr std::uint64_t kOriginReadMin = 4 * kMiB, kOriginReadMax = 16 * kMiB;
inline constexpr std::uint64_t kOriginReads = 128;

// Small files that one connection brings one after the other, so that their round trips run side by side.
inline constexpr std::size_t kOriginFilesMax = 16;

// Connections to a model's origin: an S3 connection gives 50 to 90 MB/s. Each costs a frame of memory and the HTTP client's
// buffers.
inline constexpr std::size_t kOriginConnections = 16;

}  // namespace zeropull::artifact
