#include "artifact/complete_volume.h"

#include <algorithm>

#include "artifact/cache_folder.h"
#include "artifact/log.h"
#include "artifact/store_catalog.h"

namespace zeropull::artifact {

namespace {

bool has_references(const ArtifactIndex& present, const ArtifactIndex& published) {
  if (published.name().kind != ArtifactKind::kImage) return true;
  const auto& has = present.image().references;
  return std::ranges::all_of(published.image().references,
                             [&](const auto& one) { return std::ranges::find(has, one) != has.end(); });
}

// Whether the folder has all of what the store has under this name.
bool is_whole(const CacheFolder& folder, const ArtifactIndex& published) {
  auto present = folder.find(published.name());
  if (!present || !has_references(*present, published)) return false;
  return std::ranges::all_of(published.blobs(), [&](const BlobDescription& blob) {
    return present->find_blob(blob.id) && folder.has_blob(blob.id, blob.size);
  });
}

}  // namespace

Result<VolumeCompletion> complete_volume(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                         const std::string& folder, const FetchOptions& options) {
  auto volume = TRY(CacheFolder::open(folder, {.access = Access::kWrite, .key = key}));
  auto catalog = TRY(read_store_catalog(ctx, store, key).with_context("complete volume {}", folder));
  VolumeCompletion completion{.present = 0, .added = 0, .broken = catalog.broken.size()};
  for (const auto& broken : catalog.broken) {
    LOG_WARN(kLog, "volume {}: leave out {} of {}: {}", folder, broken.name, store.describe(), broken.error.to_string());
  }
  auto fetch = options;
  fetch.read_back = ReadBack::kYes;
  for (const auto& published : catalog.artifacts()) {
    if (is_whole(*volume, *published)) {
      ++completion.present;
      continue;
    }
    TRY(fetch_artifact(ctx, store, *published, *volume, fetch).with_context("complete volume {}", folder));
    ++completion.added;
  }
  // What a completion that was killed left. Another that runs now does it when it ends.
  auto collected = volume->collect({});
  if (!collected.ok() && !collected.failed_with(Code::kUnavailable)) {
    LOG_WARN(kLog, "volume {}: {}", folder, collected.error().to_string());
  }
  return completion;
}

}  // namespace zeropull::artifact
