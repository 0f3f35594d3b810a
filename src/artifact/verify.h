// Checks of an artifact in a cache folder, from quick to whole. None trusts a size, a name or a byte that it has not checked, and
// all of them block the caller while they hash on several threads of their own.
//
// check_attach is what has to hold before anything is mounted: the seal is the endpoint's, every blob is there with its size, and
// the metadata image, which the kernel parses, has the bytes that were sealed. It costs the metadata's bytes and one stat a blob.
// verify_artifact re-reads every frame from the disk itself. The first mismatch is kDataLoss and says which blob and frame, and
// what to do.
#pragma once

#include <cstddef>
#include <span>

#include "artifact/cache_folder.h"
#include "artifact/index.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::artifact {

struct VerifyOptions {
  std::size_t threads = 0;  // 0: one a processor
  Progress progress = {};   // task "verify"
  Duration pause = {};      // of a thread after each frame, so that a check in the background leaves the disk to others
};

// The folder must have been opened with its key (kFailedPrecondition).
Result<void> check_attach(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                          const VerifyOptions& options = {});

// Hashes one blob, by way of the page cache: before its bytes are parsed or mounted.
Result<void> check_blob(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index, BlobNumber blob,
                        const VerifyOptions& options = {});

// Hashes these blobs of the index as the disk itself has them, past the page cache.
Result<void> check_blobs_on_disk(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                                 std::span<const BlobNumber> blobs, const VerifyOptions& options = {});

// check_attach, and every frame of every blob read past the page cache.
Result<void> verify_artifact(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                             const VerifyOptions& options = {});

}  // namespace zeropull::artifact
