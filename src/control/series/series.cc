#include "control/series/series.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "control/series/limits.h"

namespace zeropull::series {

struct Shard {
  std::mutex mutex;
  std::string unit;
  std::int64_t last = 0;
  std::map<std::int64_t, Point> points;
};

class StoreParts {
 public:
  explicit StoreParts(Clock& clock_in) : clock(clock_in) {}
  Clock& clock;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Shard>, std::less<>> index;
};

namespace {

std::int64_t seconds_of(WallTime at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }
WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
bool acceptable(double value) { return std::isfinite(value) && std::abs(value) <= std::ldexp(1.0, kValueExponentMax); }

}  // namespace

void Writer::put(WallTime at, double value, double count) {
  const Observation one{value, count};
  put(at, std::span(&one, 1));
}

void Writer::put(WallTime at, std::span<const Observation> observations) {
  if (shard_ == nullptr) return;
  std::lock_guard lock(shard_->mutex);
  for (const auto& one : observations) {
    if (acceptable(one.value) && acceptable(one.count) && one.count > 0) shard_->points[seconds_of(at)].add(one.value, one.count);
  }
  shard_->last = std::max(shard_->last, seconds_of(at));
}

void Writer::put_set(WallTime at, const StatisticSet& set) {
  if (shard_ == nullptr || !(set.sample_count > 0)) return;
  std::lock_guard lock(shard_->mutex);
  shard_->points[seconds_of(at)].add_set(set.sample_count, set.sum, set.minimum, set.maximum);
  shard_->last = std::max(shard_->last, seconds_of(at));
}

Store::Store(std::unique_ptr<StoreParts> parts) : parts_(std::move(parts)) {}
Store::~Store() = default;
Result<std::unique_ptr<Store>> Store::open(StoreConfig, Clock& clock) {
  return std::unique_ptr<Store>(new Store(std::make_unique<StoreParts>(clock)));
}
Result<void> Store::stop() { return {}; }
Result<void> Store::flush() { return {}; }
StoreUsage Store::usage() const { return {}; }

Result<Writer> Store::writer(const SeriesKey& key, std::string_view unit) {
  auto text = TRY(canonical(key));
  std::lock_guard lock(parts_->mutex);
  auto& shard = parts_->index[text];
  if (shard == nullptr) shard = std::make_unique<Shard>();
  shard->unit = unit;
  return Writer(parts_.get(), shard.get(), 0);
}

std::string Store::unit(const SeriesKey& key) const {
  auto text = canonical(key);
  std::lock_guard lock(parts_->mutex);
  auto found = text.ok() ? parts_->index.find(text.value()) : parts_->index.end();
  return found == parts_->index.end() ? "None" : found->second->unit;
}

Result<std::vector<PeriodPoint>> Store::points(const SeriesKey& key, std::chrono::seconds period, WallTime from,
                                               WallTime to) const {
  auto text = TRY(canonical(key));
  const auto step = period.count();
  if (step < 1) return make_error(Code::kInvalidArgument, "a period of {} s", step);
  std::lock_guard lock(parts_->mutex);
  auto found = parts_->index.find(text);
  if (found == parts_->index.end()) return std::vector<PeriodPoint>();
  std::lock_guard shard_lock(found->second->mutex);
  std::map<std::int64_t, Point> periods;
  const auto& points = found->second->points;
  const auto begin = seconds_of(from) / step * step;
  for (auto at = points.lower_bound(begin); at != points.end(); ++at) {
    const auto start = at->first / step * step;
    if (time_of(start) >= to) break;
    periods[start].merge(at->second);
  }
  std::vector<PeriodPoint> result;
  for (auto& [start, point] : periods) result.push_back({time_of(start), std::move(point)});
  return result;
}

Result<std::vector<Datapoint>> Store::get(const SeriesKey& key, const Statistic& statistic, std::chrono::seconds period,
                                          WallTime from, WallTime to) const {
  auto found = TRY(points(key, period, from, to));
  std::vector<Datapoint> result;
  for (const auto& one : found) {
    if (auto value = one.point.statistic(statistic)) result.push_back({one.at, *value});
  }
  return result;
}

ListPage Store::list(const ListFilter& filter, const std::string& next, std::size_t page_max) const {
  std::lock_guard lock(parts_->mutex);
  ListPage page;
  const auto oldest = seconds_of(parts_->clock.wall_now()) - filter.active_within.count();
  for (auto at = parts_->index.upper_bound(next); at != parts_->index.end(); ++at) {
    auto key = key_of(at->first);
    if (key.account != filter.account || (!filter.name_space.empty() && key.name_space != filter.name_space)) continue;
    if (!filter.metric.empty() && key.metric != filter.metric) continue;
    const bool fits = std::ranges::all_of(filter.dimensions, [&](const auto& wanted) {
      auto found = key.dimensions.find(wanted.name);
      return found != key.dimensions.end() && (!wanted.value || *wanted.value == found->second);
    });
    if (!fits || at->second->last < oldest) continue;
    page.keys.push_back(std::move(key));
    if (page.keys.size() >= page_max) {
      page.next = at->first;
      return page;
    }
  }
  return page;
}

}  // namespace zeropull::series
