// Points of metrics: writers put observations, readers ask for statistics by period. The metrics of CloudWatch's namespaces and
// our own rest here; alarms, policies, GetMetricData and ListMetrics read them. Knows no SageMaker.
//
// What is kept, and where:
//   1 s points     15 minutes   in memory; lost with the process
//   10 s points    3 hours      on disk
//   60 s points    15 days      on disk, made of the 10 s points when the minute is over
//   5 min points   63 days      on disk, made of the 60 s points
//   1 h points     455 days     on disk, made of the 5 min points
// A value that is put again second after second costs no memory, and on disk a bit for 10 s.
//
// Durability: a thread of the store's own writes the 10 s points of periods that ended, every two seconds, in one transaction,
// and stop() writes everything. After kill -9 the observations of the 10 s period that was open are missing, and those of a
// period that had ended up to four seconds before (one second of grace for late writers, two of the interval, the transaction).
// Coarser points are made of what is on disk, so they lack exactly those observations and no others.
//
// Clocks: an observation is filed at the time that it is told, early or late; what its period already had it adds to. Retention
// goes by the Clock. Jumps cost accuracy nowhere; they cost the 1 s points that are then too old, and disk for what comes late.
//
// Threads: all members of Store and Writer from any thread. Writers wait for no disk: a put takes one short lock that 256 series
// share. Readers of what is older than 15 minutes, or of series that are idle, read the disk and may wait for a transaction.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/series/key.h"
#include "control/series/point.h"
#include "control/series/statistic.h"

namespace zeropull::series {

struct Observation {
  double value = 0;
  double count = 1;  // how often it was seen
};

// PutMetricData's StatisticValues.
struct StatisticSet {
  double sample_count = 0;
  double sum = 0;
  double minimum = 0;
  double maximum = 0;
};

struct Datapoint {
  WallTime at;  // the period's begin
  double value = 0;
  bool operator==(const Datapoint&) const = default;
};

struct PeriodPoint {
  WallTime at;
  Point point;
};

struct StoreConfig {
  std::string path{};      // the database, made when absent, mode 0600
  bool own_thread = true;  // false: nothing is written but by flush() and stop()
};

// Which series a listing shows. Empty strings do not restrict.
struct ListFilter {
  std::string account{};  // required: an account sees its own alone
  std::string name_space{};
  std::string metric{};
  struct Dimension {
    std::string name{};
    std::optional<std::string> value{};  // nullopt: any value
  };
  std::vector<Dimension> dimensions{};  // a series must have them all, and may have others
  // Only series that got a point within so long; ListMetrics' RecentlyActive PT3H. Without it: two weeks, as CloudWatch.
  std::chrono::seconds active_within = std::chrono::hours(24 * 14);
};

struct ListPage {
  std::vector<SeriesKey> keys;  // in order of namespace, metric, dimensions
  std::string next;             // give it to the next call; "" at the end. Opaque, and any text is accepted.
};

struct StoreUsage {
  std::size_t series = 0;
  std::size_t live = 0;           // that hold 1 s points or an open period
  std::size_t memory_bytes = 0;   // of compressed 1 s points
  std::uint64_t flushes = 0;      // transactions committed
  std::uint64_t points_lost = 0;  // because the disk refused them for too long
  double flush_seconds = 0;       // the last one
};

class StoreParts;
struct Shard;

// A series to put into, for hot writers: copies are cheap. Good as long as its store lives and as long as something is put at
// least every two weeks: a series that nobody writes to is forgotten in the end (limits.h), and what is put then is lost.
class Writer {
 public:
  Writer() = default;  // puts go nowhere
  // Values that are not finite or beyond 2^360 are dropped, as PutMetricData refuses them.
  void put(WallTime at, double value, double count = 1);
  void put(WallTime at, std::span<const Observation> observations);
  void put_set(WallTime at, const StatisticSet& set);

 private:
  friend class StoreParts;
  Writer(StoreParts* store, Shard* shard, unsigned index) : store_(store), shard_(shard), index_(index) {}
  StoreParts* store_ = nullptr;
  Shard* shard_ = nullptr;
  unsigned index_ = 0;
};

class Store {
 public:
  // kFailedPrecondition: another process has the database open; kDataLoss: it is none, or damaged.
  static Result<std::unique_ptr<Store>> open(StoreConfig config, Clock& clock);
  ~Store();  // stops
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // Writes everything, open periods too, and closes the database. Idempotent; puts after it are lost.
  Result<void> stop();

  // The series of this key, made when absent. `unit`: CloudWatch's ("Count", "Microseconds", "None"); the newest one given holds.
  // kInvalidArgument: a bad key; kResourceExhausted: too many series (limits.h).
  Result<Writer> writer(const SeriesKey& key, std::string_view unit);
  // "None" where the series is not known.
  std::string unit(const SeriesKey& key) const;

  // The points of the periods that begin in [from rounded down to the period, to), oldest first; periods without an observation
  // are left out, and a series that is not known has none. `period`: 1 s or more. Periods that are no multiple of 10 s reach back
  // 15 minutes, of 60 s 3 h, of 300 s 15 days, of 1 h 63 days. kInvalidArgument: a bad period, or more than kDatapointsMax
  // points.
  Result<std::vector<PeriodPoint>> points(const SeriesKey& key, std::chrono::seconds period, WallTime from, WallTime to) const;
  // One statistic of them; points that do not have it (percentiles of statistic sets) are left out.
  Result<std::vector<Datapoint>> get(const SeriesKey& key, const Statistic& statistic, std::chrono::seconds period, WallTime from,
                                     WallTime to) const;

  // At most page_max (1 to 500) keys after `next` of the page before. Costs a walk over the account's series of that namespace.
  ListPage list(const ListFilter& filter, const std::string& next, std::size_t page_max) const;

  // Writes what ended now; the store's own thread does it every two seconds. For tests and for a caller that wants it durable.
  Result<void> flush();
  StoreUsage usage() const;
  WallTime now() const;  // by its clock

 private:
  explicit Store(std::unique_ptr<StoreParts> parts);
  std::unique_ptr<StoreParts> parts_;
};

}  // namespace zeropull::series
