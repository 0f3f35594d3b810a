#include "control/series/series.h"

#include <cmath>

#include "base/log.h"
#include "control/series/limits.h"
#include "control/series/parts.h"

namespace zeropull::series {

namespace {

bool acceptable(double value) { return std::isfinite(value) && std::abs(value) <= std::ldexp(1.0, kValueExponentMax); }

}  // namespace

void Live::close_second() {
  if (!at_second.empty()) history.add(second, std::move(at_second));
  at_second = Point();
}

void Shard::close_ten_locked(unsigned series) {
  auto& one = *live[series];
  if (!one.at_ten.empty()) waiting.push_back({static_cast<std::uint8_t>(series), one.ten, std::move(one.at_ten)});
  one.at_ten = Point();
}

void Shard::put_locked(unsigned series, std::int64_t second, std::int64_t now, const Point& point) {
  if (last[series] == kForgotten) return;
  auto& one = live[series];
  if (one == nullptr) {
    one = std::make_unique<Live>();
    // What it had before is on disk alone.
    if (last[series] != kNever) one->history.complete_from = std::max(now, last[series]) + 1;
  }
  if (one->second != second) {
    one->close_second();
    one->second = second;
  }
  one->at_second.merge(point);
  const auto ten = round_down(second, kTiers[0].period);
  if (one->ten != ten) {
    close_ten_locked(series);
    one->ten = ten;
  }
  one->at_ten.merge(point);
  last[series] = std::max(last[series], second);
}

void Writer::put(WallTime at, double value, double count) {
  const Observation one{value, count};
  put(at, std::span(&one, 1));
}

void Writer::put(WallTime at, std::span<const Observation> observations) {
  if (shard_ == nullptr) return;
  Point point;
  for (const auto& one : observations) {
    if (acceptable(one.value) && acceptable(one.count) && one.count > 0) point.add(one.value, one.count);
  }
  if (point.empty()) return;
  const auto now = store_->now();
  std::lock_guard lock(shard_->mutex);
  shard_->put_locked(index_, seconds_of(at), now, point);
}

void Writer::put_set(WallTime at, const StatisticSet& set) {
  if (shard_ == nullptr || !acceptable(set.sample_count) || !(set.sample_count > 0) || !acceptable(set.sum)) return;
  if (!acceptable(set.minimum) || !acceptable(set.maximum) || set.minimum > set.maximum) return;
  Point point;
  point.add_set(set.sample_count, set.sum, set.minimum, set.maximum);
  const auto now = store_->now();
  std::lock_guard lock(shard_->mutex);
  shard_->put_locked(index_, seconds_of(at), now, point);
}

Store::Store(std::unique_ptr<StoreParts> parts) : parts_(std::move(parts)) {}

Store::~Store() {
  auto stopped = stop();
  if (!stopped.ok()) LOG_ERROR(Logger{"series"}, "the newest points are lost: {}", stopped.error().to_string());
}

Result<std::unique_ptr<Store>> Store::open(StoreConfig config, Clock& clock) {
  auto disk = TRY(Disk::open(config.path));
  auto parts = std::make_unique<StoreParts>(clock, std::move(disk));
  TRY(parts->load().with_context("open {}", config.path));
  if (config.own_thread) parts->start_thread();
  return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Result<void> Store::stop() { return parts_->stop(); }
Result<void> Store::flush() { return parts_->flush(); }
WallTime Store::now() const { return parts_->clock_.wall_now(); }
StoreUsage Store::usage() const { return parts_->usage(); }
Result<Writer> Store::writer(const SeriesKey& key, std::string_view unit) { return parts_->writer(key, unit); }

std::string Store::unit(const SeriesKey& key) const {
  auto text = canonical(key);
  auto found = text.ok() ? parts_->find(text.value()) : std::nullopt;
  return found ? found->unit : "None";
}

Result<std::vector<PeriodPoint>> Store::points(const SeriesKey& key, std::chrono::seconds period, WallTime from,
                                               WallTime to) const {
  auto text = TRY(canonical(key));
  const auto step = period.count();
  if (step < 1 || step > kTiers.back().kept) return make_error(Code::kInvalidArgument, "a period of {} s", step);
  const auto series = parts_->find(text);
  if (!series || from >= to) return std::vector<PeriodPoint>();
  // A period of which a part is too old may have points yet.
  const auto oldest = round_down(parts_->now() - kTiers.back().kept, step);
  const auto begin = std::max(round_down(seconds_of(from), step), oldest);
  const auto end = round_up(seconds_of(to - Duration(1)) + 1, step);
  if (begin >= end) return std::vector<PeriodPoint>();
  if ((end - begin) / step > kDatapointsMax) {
    return make_error(Code::kInvalidArgument, "{} periods of {} s; at most {} are answered", (end - begin) / step, step,
                      kDatapointsMax);
  }
  return parts_->points(*series, step, begin, end);
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
  return parts_->list(filter, next, page_max);
}

}  // namespace zeropull::series
