// What a store is made of: shards with the live part of series, the index of keys, the disk. The order of locks: `flushing`,
// then the index, then one shard; the disk's lock is taken with `flushing` alone, never with a shard's or the index's held.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "control/series/disk.h"
#include "control/series/history.h"
#include "control/series/seconds.h"
#include "control/series/series.h"

namespace zeropull::series {

// A 10 s point that is on its way to the disk.
struct Waiting {
  std::uint8_t series;
  std::int64_t start;
  Point point;
};

// What a series has in memory while it is written to: its open second, its open 10 s, its history.
struct Live {
  std::int64_t second = 0;
  Point at_second;
  std::int64_t ten = 0;
  Point at_ten;
  History history;

  void close_second();
};

// The newest point's second of a series that never had one, and of one that was forgotten.
inline constexpr std::int64_t kNever = kLongAgo, kForgotten = kLongAgo - 1;

struct Shard {
  explicit Shard(std::int64_t id_in) : id(id_in) { last.fill(kNever); }
  const std::int64_t id;

  std::mutex mutex;  // of all that follows
  std::array<std::unique_ptr<Live>, kShardSeries> live;
  std::array<std::int64_t, kShardSeries> last;  // second of the newest point
  std::vector<Waiting> waiting;
  std::shared_ptr<const std::vector<Waiting>> writing;  // null when no transaction has any
  Progress progress;

  void put_locked(unsigned series, std::int64_t second, std::int64_t now, const Point& point);
  void close_ten_locked(unsigned series);
};

struct IndexEntry {
  Shard* shard;
  std::uint8_t series;
  std::string unit;
};

struct Index {
  using Keys = std::map<std::string, IndexEntry, std::less<>>;
  Keys keys;
  std::vector<std::unique_ptr<Shard>> shards;
  std::int64_t next_id = 0;
  std::vector<std::string> unsaved;  // keys that are new or whose unit changed
};

// Of the one flush at a time.
struct FlushState {
  std::array<std::unordered_map<std::int64_t, Chain>, kTiers.size()> chains;  // by shard
  std::vector<std::array<std::int64_t, kShardSeries>> saved_last;             // by shard
  std::int64_t chains_from = kLongAgo;                                        // 10 s blocks before it are in older chains
  std::int64_t swept = kLongAgo;                                              // up to where 10 s periods were closed
  std::int64_t looked_for_idle = kLongAgo;
  std::size_t next_expired = 0;  // the shard whose old blocks go next
  bool failing = false;
  bool stopped = false;
};

class StoreParts {
 public:
  StoreParts(Clock& clock, Disk disk) : clock_(clock), disk_(std::move(disk)) {}
  Result<void> load();
  void start_thread();
  Result<void> stop();
  Result<void> flush(bool everything = false);

  std::int64_t now() const { return seconds_of(clock_.wall_now()); }
  Result<Writer> writer(const SeriesKey& key, std::string_view unit);
  std::optional<IndexEntry> find(const std::string& canonical) const;
  ListPage list(const ListFilter& filter, const std::string& next, std::size_t page_max) const;
  Result<std::vector<PeriodPoint>> points(const IndexEntry& series, std::int64_t period, std::int64_t begin, std::int64_t end);
  StoreUsage usage() const;

 private:
  friend class Store;
  struct Batch;
  void sweep_shard(Shard& shard, Batch& batch, std::int64_t cutoff);
  void take_unsaved(Batch& batch);
  void forget_idle(Batch& batch);
  Result<Progress> write(Batch& batch);
  Result<void> write_shard(Disk& disk, Batch& batch, std::size_t at);
  Result<void> roll(Disk& disk, Batch& batch, std::size_t tier, const Progress& progress);
  Result<void> expire(Disk& disk, Batch& batch);
  void give_back(Batch& batch);
  std::vector<Shard*> shards() const;

  Clock& clock_;
  mutable std::shared_mutex index_mutex_;
  Index index_;
  Guarded<Disk> disk_;
  Progress progress_;  // guarded by flush_mutex_

  mutable std::mutex flush_mutex_;
  FlushState flush_;
  mutable std::mutex usage_mutex_;
  StoreUsage counted_;
  std::jthread thread_;
};

}  // namespace zeropull::series
