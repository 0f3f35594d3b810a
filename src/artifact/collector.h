// Taking things out of a store again: artifacts, what nobody names any more, and everything of an endpoint.
//
// Removing an artifact moves its index from images/ or models/ to removed/. Its packs stay for a grace period: a publication that
// began before may be about to name them for an artifact that shares blobs. collect_store() then deletes the packs that no index
// names, neither a present one nor one removed within the grace period, and that were put before it. Every step may be
// interrupted and repeated. Functions block on the store and may be called from any thread; two collectors at once do no harm.
#pragma once

#include <chrono>
#include <cstdint>

#include "artifact/artifact_name.h"
#include "artifact/keys.h"
#include "artifact/limits.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/ids.h"
#include "store/object_store.h"

namespace zeropull::artifact {

// Absent is fine. The index is not opened, so a broken artifact can be removed too.
Result<void> remove_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                   const ArtifactName& name);

struct StoreCollectOptions {
  Duration grace = kCollectGrace;
};

struct StoreCollected {
  std::uint64_t packs = 0;
  std::uint64_t bytes = 0;    // of packs
  std::uint64_t indexes = 0;  // of removed artifacts, forgotten
};

// kFailedPrecondition when a present artifact's index cannot be read: what it names is unknown, so nothing is deleted.
Result<StoreCollected> collect_store(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                     const StoreCollectOptions& options = {}, const Clock& clock = Clock::system());

// Deletes every object, indexes first. For the end of an endpoint; nothing may publish meanwhile. Returns how many there were.
Result<std::uint64_t> purge_store(const Context& ctx, store::ObjectStore& store);

}  // namespace zeropull::artifact
