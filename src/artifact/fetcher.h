// Fetching an artifact from a store: every frame in parallel over several connections, decrypted, decompressed and verified on
// the threads that read them, before a byte of it is written; then published in a cache folder, sealed. Nothing of an artifact is
// visible in the folder until all of it is. A store that has a wrong frame gives kDataLoss with the store's name: the caller goes
// on to the next source. Reads, in memory: at most two reads of kFetchReadMax a connection.
#pragma once

#include <cstddef>

#include "artifact/cache_folder.h"
#include "artifact/index.h"
#include "artifact/keys.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "store/object_store.h"

namespace zeropull::artifact {

enum class ReadBack {
  kNo,
  kYes,  // every new blob is read past the page cache and hashed before the index names it: what leaves this machine's hands
};

struct FetchOptions {
  std::size_t connections = kFetchConnections;
  Progress progress = {};  // task "fetch" or "verify", in plain bytes
  ReadBack read_back = ReadBack::kNo;
  MakeRoom make_room = {};  // may be empty
};

// Fetches the blobs that the folder lacks and publishes the artifact there. `index` is one of the store's
// (artifact/store_catalog.h). kFailedPrecondition when a frame of it is in no store, kResourceExhausted when the folder has no
// room.
Result<void> fetch_artifact(const Context& ctx, store::ObjectStore& store, const ArtifactIndex& index, CacheFolder& folder,
                            const FetchOptions& options = {});

// Reads and verifies every frame of an artifact in a store, writing nothing.
Result<void> verify_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                   const ArtifactIndex& index, const FetchOptions& options = {});

}  // namespace zeropull::artifact
