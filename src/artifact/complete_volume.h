// complete_volume: brings every image and model of an endpoint's store into a cache folder, which so becomes, or stays, the
// endpoint's cache volume. Incremental: what the folder has whole is not fetched again. Each artifact appears at once, sealed,
// after its new blobs were read back past the page cache; the folder may be attached read-only elsewhere meanwhile, and nothing
// that it names is ever taken away. Blocks; one completion of a folder at a time does the work once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "artifact/fetcher.h"
#include "artifact/keys.h"
#include "base/context.h"
#include "base/result.h"
#include "store/object_store.h"

namespace zeropull::artifact {

struct VolumeCompletion {
  std::size_t present = 0;  // artifacts that were whole before
  std::size_t added = 0;
  std::size_t broken = 0;  // in the store: left out, and named in the log
};

// The errors of fetch_artifact; what was added before stays.
Result<VolumeCompletion> complete_volume(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                         const std::string& folder, const FetchOptions& options = {});

}  // namespace zeropull::artifact
