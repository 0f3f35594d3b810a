// The index of keys, and what a store loads when it is opened.
#include <algorithm>

#include "base/check.h"
#include "control/series/limits.h"
#include "control/series/parts.h"

namespace zeropull::series {

namespace {

// The keys of a filter's account, namespace and metric lie together; without a namespace, a metric's do not.
std::string prefix_of(const ListFilter& filter) {
  std::string prefix = filter.account;
  prefix.append(1, '\0');
  if (!filter.name_space.empty()) prefix.append(filter.name_space).append(1, '\0');
  if (!filter.name_space.empty()) prefix.append(filter.metric);
  return prefix;
}

bool fits(const ListFilter& filter, const SeriesKey& key) {
  if (!filter.metric.empty() && key.metric != filter.metric) return false;
  return std::ranges::all_of(filter.dimensions, [&](const auto& wanted) {
    const auto found = key.dimensions.find(wanted.name);
    return found != key.dimensions.end() && (!wanted.value || *wanted.value == found->second);
  });
}

}  // namespace

Result<void> StoreParts::load() {
  auto disk = disk_.lock();
  progress_ = TRY(disk->progress());
  flush_.chains_from = progress_.rolled[0];
  auto rows = TRY(disk->series());
  for (auto& row : rows) {
    const auto shard = static_cast<std::size_t>(row.id) / kShardSeries;
    const auto series = static_cast<std::size_t>(row.id) % kShardSeries;
    if (row.id < 0 || shard > 100 * kSeriesMax / kShardSeries) return make_error(Code::kDataLoss, "a series {}", row.id);
    while (index_.shards.size() <= shard) {
      index_.shards.push_back(std::make_unique<Shard>(static_cast<std::int64_t>(index_.shards.size())));
      index_.shards.back()->progress = progress_;
    }
    auto& at = *index_.shards[shard];
    at.last[series] = row.last;
    index_.keys.insert_or_assign(row.key, IndexEntry{&at, static_cast<std::uint8_t>(series), row.unit});
    index_.next_id = row.id + 1;
  }
  for (const auto& shard : index_.shards) flush_.saved_last.push_back(shard->last);
  return {};
}

Result<Writer> StoreParts::writer(const SeriesKey& key, std::string_view unit) {
  auto text = TRY(canonical(key));
  {
    std::shared_lock lock(index_mutex_);
    const auto found = index_.keys.find(text);
    if (found != index_.keys.end() && found->second.unit == unit) {
      return Writer(this, found->second.shard, found->second.series);
    }
  }
  std::lock_guard lock(index_mutex_);
  auto found = index_.keys.find(text);
  if (found == index_.keys.end()) {
    if (index_.keys.size() >= kSeriesMax) return make_error(Code::kResourceExhausted, "there are {} metrics already", kSeriesMax);
    const auto id = index_.next_id++;
    const auto shard = static_cast<std::size_t>(id) / kShardSeries;
    if (shard == index_.shards.size()) index_.shards.push_back(std::make_unique<Shard>(static_cast<std::int64_t>(shard)));
    CHECK(shard < index_.shards.size());
    const auto series = static_cast<std::uint8_t>(static_cast<std::size_t>(id) % kShardSeries);
    found = index_.keys.emplace(text, IndexEntry{index_.shards[shard].get(), series, std::string(unit)}).first;
  }
  found->second.unit = unit;
  index_.unsaved.push_back(text);
  return Writer(this, found->second.shard, found->second.series);
}

std::optional<IndexEntry> StoreParts::find(const std::string& canonical) const {
  std::shared_lock lock(index_mutex_);
  const auto found = index_.keys.find(canonical);
  if (found == index_.keys.end()) return std::nullopt;
  return found->second;
}

ListPage StoreParts::list(const ListFilter& filter, const std::string& next, std::size_t page_max) const {
  ListPage page;
  const auto oldest = now() - filter.active_within.count();
  const auto prefix = prefix_of(filter);
  const auto wanted = std::clamp(page_max, std::size_t{1}, kListPageMax);
  std::shared_lock lock(index_mutex_);
  for (auto at = next < prefix ? index_.keys.lower_bound(prefix) : index_.keys.upper_bound(next);
       at != index_.keys.end() && at->first.starts_with(prefix); ++at) {
    auto key = key_of(at->first);
    if (!fits(filter, key)) continue;
    {
      std::lock_guard shard_lock(at->second.shard->mutex);
      if (at->second.shard->last[at->second.series] < oldest) continue;
    }
    if (page.keys.size() == wanted) {
      // There is another one: the page ends at the last that it shows.
      page.next = MUST(canonical(page.keys.back()));
      return page;
    }
    page.keys.push_back(std::move(key));
  }
  return page;
}

std::vector<Shard*> StoreParts::shards() const {
  std::shared_lock lock(index_mutex_);
  std::vector<Shard*> all;
  all.reserve(index_.shards.size());
  for (const auto& shard : index_.shards) all.push_back(shard.get());
  return all;
}

StoreUsage StoreParts::usage() const {
  StoreUsage usage;
  {
    std::lock_guard lock(usage_mutex_);
    usage = counted_;
  }
  {
    std::shared_lock lock(index_mutex_);
    usage.series = index_.keys.size();
  }
  for (auto* shard : shards()) {
    std::lock_guard lock(shard->mutex);
    for (const auto& live : shard->live) {
      if (live == nullptr) continue;
      ++usage.live;
      usage.memory_bytes += live->history.bytes();
    }
  }
  return usage;
}

}  // namespace zeropull::series
