// From memory to disk: closing the 10 s points of periods that ended, writing them in one transaction, making coarser points of
// finer ones, dropping what is too old. One flush at a time; a shard's lock is held while its points are taken, no lock that a
// writer wants while the disk works.
//
// What comes late is written apart and adds to its period: to the 10 s tier, and to each coarser one that has been made of its
// finer one already; where it has not, the making will find it.
#include <algorithm>

#include "base/context.h"
#include "base/log.h"
#include "control/series/limits.h"
#include "control/series/parts.h"

namespace zeropull::series {

namespace {

constexpr Logger kLog{"series"};
constexpr std::int64_t kTen = kTiers[0].period;
// The newest point's time is written so rarely: it tells a listing after a restart which series are active.
constexpr std::int64_t kLastSavedEvery = 600;
constexpr std::int64_t kIdleLookedForEvery = 3600;
// Of so many flushes, each removes what is too old in its share of the shards.
constexpr std::size_t kExpireShares = 64;

using ByPlace = std::map<std::pair<std::size_t, std::int64_t>, std::map<std::uint8_t, Point>>;  // by tier and start

std::vector<BlockPoint> to_list(std::map<std::uint8_t, Point>& points) {
  std::vector<BlockPoint> list;
  list.reserve(points.size());
  for (auto& [series, point] : points) list.push_back({series, std::move(point)});
  return list;
}

}  // namespace

// What one flush took out of memory, and what it found out.
struct StoreParts::Batch {
  bool everything;
  std::int64_t now;
  std::int64_t cutoff;  // 10 s periods before it are over
  std::vector<Shard*> shards;
  std::vector<std::shared_ptr<const std::vector<Waiting>>> points;  // beside `shards`; null for none
  std::vector<SeriesRow> rows;                                      // new, or with another unit
  std::vector<std::pair<std::int64_t, std::int64_t>> last;          // ids and seconds
  std::vector<std::int64_t> forgotten;
  bool sweep = false;
  std::int64_t seq = 0;

  bool has_points() const {
    return std::ranges::any_of(points, [](const auto& list) { return list != nullptr; });
  }
};

void StoreParts::start_thread() {
  thread_ = std::jthread([this](std::stop_token stop) {
    while (!stop.stop_requested()) {
      auto slept = Context::root("series", stop).sleep(kFlushInterval);
      if (slept.ok()) (void)flush().ok();  // it logs, and the next one tries again
    }
  });
}

Result<void> StoreParts::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  auto flushed = flush(true);
  std::lock_guard lock(flush_mutex_);
  if (flush_.stopped) return {};
  flush_.stopped = true;
  disk_.lock()->close();
  return flushed;
}

// Closes the points whose time is over, and takes what waits. `cutoff`: 10 s periods before it are over.
void StoreParts::sweep_shard(Shard& shard, Batch& batch, std::int64_t cutoff) {
  auto& saved = flush_.saved_last[static_cast<std::size_t>(shard.id)];
  std::lock_guard lock(shard.mutex);
  for (unsigned i = 0; i < kShardSeries && batch.sweep; ++i) {
    auto& live = shard.live[i];
    if (live == nullptr) continue;
    // A point of the future is what a clock that was set back left.
    if (batch.everything || live->ten + kTen <= cutoff || live->ten > batch.now) shard.close_ten_locked(i);
    if (live->second < batch.now || live->second > batch.now + 1) live->close_second();
    live->history.drop_before(batch.now - kSecondsKept);
    if (shard.last[i] - saved[i] >= kLastSavedEvery || (batch.everything && shard.last[i] != saved[i])) {
      batch.last.emplace_back(shard.id * static_cast<std::int64_t>(kShardSeries) + i, shard.last[i]);
    }
    if (live->at_ten.empty() && live->at_second.empty() && live->history.empty()) live.reset();
  }
  // What is closed already though its grace has not ended waits for the rest of its period.
  auto held = std::partition(shard.waiting.begin(), shard.waiting.end(),
                             [&](const Waiting& one) { return batch.everything || one.start < cutoff || one.start > batch.now; });
  if (held != shard.waiting.begin()) {
    std::vector<Waiting> later(std::make_move_iterator(held), std::make_move_iterator(shard.waiting.end()));
    shard.waiting.erase(held, shard.waiting.end());
    shard.writing = std::make_shared<const std::vector<Waiting>>(std::exchange(shard.waiting, std::move(later)));
  }
  batch.points.push_back(shard.writing);
}

void StoreParts::take_unsaved(Batch& batch) {
  std::lock_guard lock(index_mutex_);
  for (const auto& key : std::exchange(index_.unsaved, {})) {
    const auto found = index_.keys.find(key);
    if (found == index_.keys.end()) continue;
    const auto& [shard, series, unit] = found->second;
    std::lock_guard shard_lock(shard->mutex);
    batch.rows.push_back({shard->id * static_cast<std::int64_t>(kShardSeries) + series, key, unit, shard->last[series]});
  }
}

// Series that have had no point for as long as anything is kept go; when there are many, those that no listing shows.
void StoreParts::forget_idle(Batch& batch) {
  if (std::abs(batch.now - flush_.looked_for_idle) < kIdleLookedForEvery) return;
  flush_.looked_for_idle = batch.now;
  std::lock_guard lock(index_mutex_);
  const auto kept = index_.keys.size() > kSeriesMax / 2 ? kTiers[1].kept : kTiers.back().kept;
  for (auto at = index_.keys.begin(); at != index_.keys.end();) {
    auto& [shard, series, unit] = at->second;
    std::lock_guard shard_lock(shard->mutex);
    auto& last = shard->last[series];
    if (last == kNever || last >= batch.now - kept || shard->live[series] != nullptr) {
      ++at;
      continue;
    }
    last = kForgotten;
    batch.forgotten.push_back(shard->id * static_cast<std::int64_t>(kShardSeries) + series);
    at = index_.keys.erase(at);
  }
}

Result<void> StoreParts::flush(bool everything) {
  std::lock_guard flush_lock(flush_mutex_);
  if (flush_.stopped) return make_error(Code::kUnavailable, "the store was stopped");
  const auto began = clock_.steady_now();
  Batch batch{.everything = everything,
              .now = now(),
              .cutoff = 0,
              .shards = shards(),
              .points = {},
              .rows = {},
              .last = {},
              .forgotten = {}};
  batch.cutoff = round_down(batch.now - kGraceSeconds, kTen);
  batch.sweep = everything || batch.cutoff != flush_.swept;
  while (flush_.saved_last.size() < batch.shards.size()) flush_.saved_last.emplace_back().fill(kNever);
  for (auto* shard : batch.shards) sweep_shard(*shard, batch, batch.cutoff);
  take_unsaved(batch);
  if (batch.sweep) forget_idle(batch);
  const auto minute = round_down(batch.cutoff, kTiers[1].period);
  if (!batch.has_points() && batch.rows.empty() && batch.last.empty() && batch.forgotten.empty() &&
      progress_.rolled[1] >= minute) {
    flush_.swept = batch.cutoff;
    return {};
  }

  auto written = write(batch);
  if (!written.ok()) {
    give_back(batch);
    if (!flush_.failing) LOG_WARN(kLog, "points stay in memory: {}", written.error().to_string());
    flush_.failing = true;
    return std::move(written).take_error();
  }
  if (flush_.failing) LOG_INFO(kLog, "points are written again");
  flush_.failing = false;
  flush_.swept = batch.cutoff;
  progress_ = written.value();
  for (const auto& [id, last] : batch.last) {
    flush_.saved_last[static_cast<std::size_t>(id) / kShardSeries][static_cast<std::size_t>(id) % kShardSeries] = last;
  }
  for (auto* shard : shards()) {
    std::lock_guard lock(shard->mutex);
    shard->writing = nullptr;
    shard->progress = progress_;
  }
  std::lock_guard lock(usage_mutex_);
  ++counted_.flushes;
  counted_.flush_seconds = std::chrono::duration<double>(clock_.steady_now() - began).count();
  return {};
}

// After a failed transaction: its points wait again, in front of newer ones, and no chain goes on.
void StoreParts::give_back(Batch& batch) {
  std::size_t lost = 0;
  for (auto* shard : batch.shards) {
    std::lock_guard lock(shard->mutex);
    if (shard->writing == nullptr) continue;
    std::vector<Waiting> all;
    for (const auto& [series, start, point] : *shard->writing) all.push_back({series, start, point.clone()});
    std::ranges::move(shard->waiting, std::back_inserter(all));
    if (all.size() > kWaitingMax) {
      lost += all.size() - kWaitingMax;
      all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kWaitingMax));
    }
    shard->waiting = std::move(all);
    shard->writing = nullptr;
  }
  {
    std::lock_guard lock(index_mutex_);
    for (auto& row : batch.rows) index_.unsaved.push_back(std::move(row.key));
  }
  for (auto& chains : flush_.chains) chains.clear();
  flush_.chains_from = progress_.rolled[0];
  std::lock_guard lock(usage_mutex_);
  counted_.points_lost += lost;
}

Result<Progress> StoreParts::write(Batch& batch) {
  auto disk = disk_.lock();
  auto transaction = TRY(disk->begin());
  auto progress = progress_;
  batch.seq = ++progress.seq;
  for (const auto& row : batch.rows) TRY(disk->put_series(row));
  for (const auto& [id, last] : batch.last) TRY(disk->put_last(id, last));
  for (const auto id : batch.forgotten) TRY(disk->remove_series(id));
  for (std::size_t i = 0; i < batch.shards.size(); ++i) {
    if (batch.points[i] != nullptr) TRY(write_shard(*disk, batch, i));
  }
  progress.rolled[0] = std::max(progress.rolled[0], batch.cutoff);
  // A coarser tier is made up to where the finer one is complete.
  auto complete = batch.cutoff;
  for (std::size_t tier = 1; tier < kTiers.size(); ++tier) {
    complete = round_down(complete, kTiers[tier].period);
    if (complete > progress.rolled[tier]) {
      auto next = progress;
      next.rolled[tier] = complete;
      TRY(roll(*disk, batch, tier, next));
      progress = next;
    }
    complete = progress.rolled[tier];
  }
  if (batch.sweep) TRY(expire(*disk, batch));
  TRY(disk->put_progress(progress));
  TRY(transaction.commit());
  return progress;
}

// The points of one shard: of each 10 s period one block, and what is late for coarser tiers.
Result<void> StoreParts::write_shard(Disk& disk, Batch& batch, std::size_t at) {
  const auto& shard = *batch.shards[at];
  ByPlace by_place;
  for (const auto& [series, start, point] : *batch.points[at]) {
    for (std::size_t tier = 0; tier < kTiers.size(); ++tier) {
      const auto coarse = round_down(start, kTiers[tier].period);
      if (tier > 0 && coarse >= progress_.rolled[tier]) break;  // will be made of the tier before
      const bool kept = coarse >= batch.now - kTiers[tier].kept;
      const bool made_of = tier + 1 == kTiers.size() || round_down(start, kTiers[tier + 1].period) >= progress_.rolled[tier + 1];
      if (kept || made_of) by_place[{tier, coarse}][series].merge(point);
    }
  }
  for (auto& [place, by_series] : by_place) {
    const auto& [tier, start] = place;
    auto points = to_list(by_series);
    auto& chain = flush_.chains[tier][shard.id];
    const bool in_order = tier == 0 && start >= flush_.chains_from && start < batch.cutoff && chain.fits(start);
    const auto block = in_order ? chain.next(start, kTiers[tier].period, points) : Chain::apart(points);
    TRY(disk.put_block({tier, shard.id, start}, batch.seq, block));
  }
  return {};
}

// Makes the points of `tier` in [rolled before, rolled in `progress`) of those of the tier before it.
Result<void> StoreParts::roll(Disk& disk, Batch& batch, std::size_t tier, const Progress& progress) {
  const auto period = kTiers[tier].period;
  const auto from = progress_.rolled[tier];
  for (const auto* shard : batch.shards) {
    std::map<std::int64_t, std::map<std::uint8_t, Point>> made;
    ShardReader reader;
    const BlockPlace first{tier - 1, shard->id, from - kWholeEvery * kTiers[tier - 1].period};
    auto add = [&](std::int64_t start, BlockKind kind, std::string_view bytes) {
      reader.next(kind, bytes, [&](std::size_t series, const Point& point) {
        if (start >= from) made[round_down(start, period)][static_cast<std::uint8_t>(series)].merge(point);
      });
    };
    TRY(disk.visit_blocks(first, progress.rolled[tier], batch.seq, add));
    for (auto& [start, by_series] : made) {
      const auto points = to_list(by_series);
      auto& chain = flush_.chains[tier][shard->id];
      const auto block = chain.fits(start) ? chain.next(start, period, points) : Chain::apart(points);
      TRY(disk.put_block({tier, shard->id, start}, batch.seq, block));
    }
  }
  return {};
}

// Removes what is too old, of a share of the shards.
Result<void> StoreParts::expire(Disk& disk, Batch& batch) {
  const auto count = batch.shards.size();
  for (std::size_t i = 0; i < (count + kExpireShares - 1) / kExpireShares; ++i) {
    const auto* shard = batch.shards[flush_.next_expired++ % count];
    for (std::size_t tier = 0; tier < kTiers.size(); ++tier) {
      // A reader begins a chain before what it wants; and what no coarser tier has yet stays.
      auto end = batch.now - kTiers[tier].kept - kWholeEvery * kTiers[tier].period;
      if (tier + 1 < kTiers.size()) end = std::min(end, progress_.rolled[tier + 1] - kWholeEvery * kTiers[tier].period);
      TRY(disk.remove_blocks({tier, shard->id, end}));
    }
  }
  return {};
}

}  // namespace zeropull::series
