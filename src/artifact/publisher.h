// Publisher: puts an endpoint's artifacts into its store. One Publisher serves one conversion or more: blobs may be published
// while others are still being written (publication runs behind the start), and an artifact's index comes last, so that readers
// see all or nothing. A process that dies leaves packs that no index names, which collect_store() finds.
//
// Blobs that an artifact of the store already holds are not put again: their places are taken over. Every frame is hashed against
// its table before it is sealed, so that a damaged local blob is never published. Thread-safe. Memory: a pack (16 MiB) and two
// frames a thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/index.h"
#include "artifact/keys.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/guarded.h"
#include "store/object_store.h"

namespace zeropull::artifact {

struct PublishOptions {
  std::size_t threads = kPublishThreads;
  int zstd_level = 3;
  Progress progress = {};  // task "publish", in plain bytes, of publish_artifact()
};

struct PublishCounts {
  std::uint64_t packs = 0;
  std::uint64_t stored_bytes = 0;  // of packs
  std::uint64_t plain_bytes = 0;   // of frames that were read, those of zeros included
  std::uint64_t reused_blobs = 0;
};

class Publisher {
 public:
  // Reads the store's catalogue. `store` and `random` outlive the publisher.
  static Result<std::unique_ptr<Publisher>> create(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                                   PublishOptions options = {}, Random& random = Random::secure());

  // Puts a blob's frames, unless it was published before or rests in the store already. `fd` is read from with pread.
  Result<void> publish_blob(const Context& ctx, const BlobContents& blob, int fd);
  // Puts what is missing of the artifact's blobs, from the folder, and then its index, which keeps the references of an image's
  // that was there.
  Result<void> publish_artifact(const Context& ctx, const CacheFolder& folder, IndexContents contents);
  PublishCounts counts() const { return *counts_.lock(); }

 private:
  struct Source;
  struct Run;
  struct PlacedRun;
  class Worker;
  // Where a blob rests: as an index of the store has it, or as we put it.
  struct Place {
    ArtifactPtr artifact;  // null for our own
    BlobNumber number = 0;
    std::shared_ptr<const BlobContents> own;
    BlobContents contents() const { return artifact ? artifact->blob_contents(number) : *own; }
  };
  Publisher(store::ObjectStore& store, const EndpointKey& key, PublishOptions options, Random& random);
  void take_places(const ArtifactPtr& artifact);
  static std::vector<Run> plan_runs(const std::vector<Source>& sources);
  void keep_places(const std::vector<Source>& sources, const std::vector<Run>& runs, const std::vector<PlacedRun>& placed);
  Result<void> publish_sources(const Context& ctx, const std::vector<Source>& sources, const Progress& report);
  // Publishes those of the blobs that have no place yet.
  Result<void> publish_missing(const Context& ctx, const CacheFolder& folder, const IndexContents& contents);
  // Forgets the places of reused blobs one of whose packs is gone.
  Result<void> check_reused(const Context& ctx, const IndexContents& contents);

  store::ObjectStore& store_;
  const EndpointKey key_;
  const PublishOptions options_;
  Random& random_;
  const SteadyTime began_;
  mutable Guarded<std::map<BlobId, Place>> places_;
  mutable Guarded<PublishCounts> counts_;
};

}  // namespace zeropull::artifact
