#include "artifact/collector.h"

#include <algorithm>
#include <unordered_set>

#include "artifact/object_names.h"
#include "artifact/store_catalog.h"
#include "base/executor.h"

namespace zeropull::artifact {

namespace {

// Deletions that run at once.
constexpr std::size_t kDeletions = 8;

using Names = std::unordered_set<std::string>;

void add_packs(Names& names, const EndpointKey& key, const ArtifactIndex& index) {
  for (const auto& blob : index.blobs()) {
    for (const Sha256& pack : blob.packs) names.insert(pack_object(key, pack).text());
  }
}

Result<void> remove_all(const Context& ctx, store::ObjectStore& store, const std::vector<store::ObjectName>& names) {
  return parallel_for(ctx, names.size(), kDeletions,
                      [&](const Context& remove_ctx, std::size_t i) { return store.remove(remove_ctx, names[i]); });
}

struct Removed {
  std::vector<store::ObjectName> expired;
  Names fresh_packs;  // that those removed within the grace period name
};

Result<Removed> read_removed(const Context& ctx, store::ObjectStore& store, const EndpointKey& key, WallTime put_before) {
  Removed removed;
  auto objects = TRY(list_all(ctx, store, removed_folder()));
  for (auto& object : objects) {
    if (object.info.modified < put_before) {
      removed.expired.push_back(std::move(object.name));
      continue;
    }
    auto index = read_index_object(ctx, store, key, object.name);
    // A broken one names nothing that anybody could have taken over.
    if (index.ok()) add_packs(removed.fresh_packs, key, **index);
  }
  return removed;
}

}  // namespace

Result<void> remove_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                   const ArtifactName& artifact) {
  auto removed = [&]() -> Result<void> {
    auto name = index_object(key, artifact);
    auto index = store.read_whole(ctx, name, store::kObjectSizeMax);
    if (index.failed_with(Code::kNotFound)) return {};
    auto bytes = TRY(std::move(index));
    TRY(store.put(ctx, removed_object(key, artifact), bytes));
    return store.remove(ctx, name);
  }();
  return std::move(removed).with_context("remove {}", artifact);
}

Result<StoreCollected> collect_store(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                     const StoreCollectOptions& options, const Clock& clock) {
  WallTime put_before = clock.wall_now() - std::chrono::duration_cast<WallTime::duration>(options.grace);
  // In this order: a pack that is put after the listing is safe, and so is one that an index read afterwards names. An image that
  // is removed between the two readings is found in one of them, as its index is put to removed/ first.
  auto packs = TRY(list_all(ctx, store, packs_folder()));
  auto catalog = TRY(read_store_catalog(ctx, store, key));
  auto removed = TRY(read_removed(ctx, store, key, put_before));
  if (!catalog.broken.empty()) {
    return make_error(Code::kFailedPrecondition,
                      "nothing collected: what a broken artifact names is unknown; remove or publish it again: {}",
                      catalog.broken.front().error.message());
  }
  Names named = std::move(removed.fresh_packs);
  for (const auto& one : catalog.artifacts()) add_packs(named, key, *one);
  StoreCollected collected;
  std::vector<store::ObjectName> orphans;
  for (const auto& pack : packs) {
    if (pack.info.modified >= put_before || named.contains(pack.name.text())) continue;
    orphans.push_back(pack.name);
    collected.bytes += pack.info.size;
  }
  TRY(remove_all(ctx, store, orphans));
  TRY(remove_all(ctx, store, removed.expired));
  collected.packs = orphans.size();
  collected.indexes = removed.expired.size();
  return collected;
}

Result<std::uint64_t> purge_store(const Context& ctx, store::ObjectStore& store) {
  std::uint64_t count = 0;
  for (const auto& folder : {std::optional(kind_folder(ArtifactKind::kImage)), std::optional(kind_folder(ArtifactKind::kModel)),
                             std::optional(removed_folder()), std::optional<store::ObjectName>()}) {
    auto objects = TRY(list_all(ctx, store, folder));
    std::vector<store::ObjectName> names;
    for (auto& object : objects) names.push_back(std::move(object.name));
    TRY(remove_all(ctx, store, names).with_context("purge"));
    count += names.size();
  }
  return count;
}

}  // namespace zeropull::artifact
