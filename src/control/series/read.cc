// A query: what is in memory is copied under the shard's lock together with what the disk is believed to hold, then the disk is
// read. Newer transactions than the shard spoke of are not looked at, so that nothing counts twice and nothing is missed.
#include <algorithm>

#include "control/series/limits.h"
#include "control/series/parts.h"

namespace zeropull::series {

namespace {

// The result as it grows: points by the begin of their period.
class Periods {
 public:
  Periods(std::int64_t period, std::int64_t begin, std::int64_t end) : period_(period), begin_(begin), end_(end) {}
  void add(std::int64_t at, const Point& point) {
    if (at < begin_ || at >= end_) return;
    periods_[round_down(at, period_)].merge(point);
  }
  std::vector<PeriodPoint> take() {
    std::vector<PeriodPoint> all;
    all.reserve(periods_.size());
    for (auto& [start, point] : periods_) all.push_back({time_of(start), std::move(point)});
    return all;
  }

 private:
  const std::int64_t period_, begin_, end_;
  std::map<std::int64_t, Point> periods_;
};

}  // namespace

Result<std::vector<PeriodPoint>> StoreParts::points(const IndexEntry& series, std::int64_t period, std::int64_t begin,
                                                    std::int64_t end) {
  constexpr auto kTen = kTiers[0].period;
  const bool in_tens = period % kTen == 0;
  const auto current = now();
  Periods periods(period, begin, end);
  // From `seconds_from` on, the 1 s points answer.
  auto seconds_from = INT64_MAX;
  Progress progress;
  {
    auto& shard = *series.shard;
    std::lock_guard lock(shard.mutex);
    progress = shard.progress;
    const auto* live = shard.live[series.series].get();
    if (live != nullptr) {
      const auto complete = std::max(live->history.complete_from, current - kSecondsKept);
      seconds_from = round_up(complete, in_tens ? kTen : period);
      const auto from = std::max(begin, seconds_from);
      live->history.visit(from, end, [&](std::int64_t second, const Point& point) { periods.add(second, point); });
      if (live->second >= from) periods.add(live->second, live->at_second);
    }
    if (!in_tens) return periods.take();
    auto add_ten = [&](std::int64_t start, const Point& point) {
      if (start < seconds_from) periods.add(start, point);
    };
    for (const auto& one : shard.waiting) {
      if (one.series == series.series) add_ten(one.start, one.point);
    }
    if (shard.writing != nullptr) {
      for (const auto& one : *shard.writing) {
        if (one.series == series.series) add_ten(one.start, one.point);
      }
    }
    if (live != nullptr) add_ten(live->ten, live->at_ten);
  }

  // The coarsest tier that the period is made of, as far as it reaches; then finer ones.
  auto lower = begin;
  for (std::size_t tier = kTiers.size(); tier-- > 0;) {
    const auto& [tier_period, kept] = kTiers[tier];
    if (period % tier_period != 0) continue;
    // Whole points of this tier alone: the one that the 1 s points begin within is left to a finer tier.
    const auto reached = round_down(std::min({end, seconds_from, tier == 0 ? end : progress.rolled[tier]}), tier_period);
    const auto from = std::max(lower, round_down(current - kept, period));
    if (from < reached) {
      auto disk = disk_.lock();
      SeriesReader reader(series.series);
      const BlockPlace first{tier, series.shard->id, from - kWholeEvery * tier_period};
      auto visit = [&](std::int64_t start, BlockKind kind, std::string_view bytes) {
        const auto* point = reader.next(kind, bytes);
        if (point != nullptr && start >= from) periods.add(start, *point);
      };
      TRY(disk->visit_blocks(first, reached, progress.seq, visit));
    }
    lower = std::max(lower, reached);
  }
  return periods.take();
}

}  // namespace zeropull::series
