#include "control/series/point.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/check.h"
#include "control/series/block.h"
#include "control/series/history.h"
#include "control/series/key.h"
#include "control/series/limits.h"
#include "control/series/point_codec.h"

namespace zeropull::series {
namespace {

double statistic(const Point& point, std::string_view text) { return point.statistic(MUST(parse_statistic(text))).value(); }

Point of(std::initializer_list<double> values) {
  Point point;
  for (double value : values) point.add(value);
  return point;
}

TEST(Statistic, knows_cloudwatchs_names_and_percentiles) {
  for (const auto* text : {"SampleCount", "Sum", "Average", "Minimum", "Maximum", "p0", "p50", "p99.9", "p99.95", "p100"}) {
    EXPECT_EQ(to_text(MUST(parse_statistic(text))), text);
  }
  for (const auto* text : {"", "p", "average", "p101", "p-1", "p5x", "p1e1", "pnan", "99", "p 5"}) {
    EXPECT_TRUE(parse_statistic(text).failed_with(Code::kInvalidArgument)) << text;
  }
  for (const auto* text : {"tm90", "tm(10%:90%)", "TC95", "wm98", "ts99", "PR(:300)", "IQM"}) {
    EXPECT_TRUE(parse_statistic(text).failed_with(Code::kUnimplemented)) << text;
  }
}

TEST(SeriesKey, a_text_says_all_of_it_and_sorts_as_it_does) {
  const SeriesKey plain{"a", "n", "m", {}}, more{"a", "n", "m", {{"d", "v"}, {"e", "w"}}}, longer{"a", "n", "mm", {}};
  for (const auto& key : {plain, more, longer}) EXPECT_EQ(key_of(MUST(canonical(key))), key);
  EXPECT_LT(MUST(canonical(plain)), MUST(canonical(more)));
  EXPECT_LT(MUST(canonical(more)), MUST(canonical(longer)));
}

TEST(SeriesKey, refuses_what_a_text_could_not_say) {
  EXPECT_FALSE(canonical({"a", "", "m", {}}).ok());
  EXPECT_FALSE(canonical({"a", "n", std::string("m\0x", 3), {}}).ok());
  EXPECT_FALSE(canonical({"a", "n", "m", {{"d", ""}}}).ok());
  EXPECT_FALSE(canonical({"a", "n", std::string(256, 'm'), {}}).ok());
}

TEST(Point, has_the_statistics_of_its_values) {
  const auto point = of({3, 1, 2, 2});
  EXPECT_EQ(statistic(point, "SampleCount"), 4);
  EXPECT_EQ(statistic(point, "Sum"), 8);
  EXPECT_EQ(statistic(point, "Average"), 2);
  EXPECT_EQ(statistic(point, "Minimum"), 1);
  EXPECT_EQ(statistic(point, "Maximum"), 3);
}

TEST(Point, one_value_needs_no_sketch) {
  Point point = of({0.3, 0.3});
  point.add(0.3, 100);
  EXPECT_EQ(point.sketch, nullptr);
  EXPECT_EQ(statistic(point, "p99"), 0.3);
}

TEST(Point, sets_whose_values_nobody_knows_have_no_percentiles) {
  Point point;
  point.add_set(10, 50, 1, 9);
  EXPECT_FALSE(point.statistic(MUST(parse_statistic("p50"))));
  point.add(5);
  EXPECT_FALSE(point.statistic(MUST(parse_statistic("p50"))));
  EXPECT_EQ(statistic(point, "Average"), 5);
  Point same;
  same.add_set(10, 50, 5, 5);
  EXPECT_EQ(statistic(same, "p50"), 5);
}

class Percentiles : public testing::TestWithParam<const char*> {};

TEST_P(Percentiles, are_near_the_exact_ones) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(12, 1);
  std::vector<double> values;
  std::vector<Point> parts(10);
  for (int i = 0; i < 5000; ++i) {
    values.push_back(latency(random) * (i % 100 == 0 ? -1 : 1));
    parts[static_cast<std::size_t>(i % 10)].add(values.back());
  }
  Point whole;
  for (const auto& part : parts) whole.merge(part);
  std::ranges::sort(values);
  const auto wanted = MUST(parse_statistic(GetParam()));
  const auto rank = std::max(1.0, std::ceil(wanted.percentile * 50 - 1e-6));
  const double exact = values[static_cast<std::size_t>(rank) - 1];
  // The values span a factor of 2,000 or more on either side of zero: one joining of neighbours, or two.
  EXPECT_NEAR(whole.statistic(wanted).value(), exact, std::abs(exact) * 0.041) << GetParam();
  EXPECT_LE(whole.sketch->buckets.size(), kBucketsMax);
}
INSTANTIATE_TEST_SUITE_P(All, Percentiles, testing::Values("p0", "p0.5", "p10", "p50", "p90", "p99", "p99.9", "p100"));

TEST(Sketch, is_within_one_percent_while_values_are_near_each_other) {
  Point point;
  for (int i = 100; i <= 10000; ++i) point.add(i);
  EXPECT_EQ(point.sketch->level, 0);
  EXPECT_NEAR(statistic(point, "p50"), 5050, 51);
  EXPECT_NEAR(statistic(point, "p99"), 9901, 100);
}

TEST(Sketch, keeps_its_bound_from_the_smallest_to_the_largest_value) {
  Point point;
  for (int i = -360; i <= 360; ++i) {
    point.add(std::ldexp(1.0, i));
    point.add(-std::ldexp(1.0, i));
  }
  point.add(0, 2);
  EXPECT_LE(point.sketch->buckets.size(), kBucketsMax);
  EXPECT_TRUE(std::ranges::is_sorted(point.sketch->buckets, {}, &Sketch::Bucket::key));
  EXPECT_EQ(statistic(point, "p50"), 0);
}

TEST(PointCodec, gives_back_what_was_put) {
  std::vector<Point> points;
  points.push_back(of({7}));
  points.push_back(of({0.1, 0.1, 0.1}));
  points.push_back(of({1, 2.5, -3e300, 4503599627370497.0}));
  points.push_back(of({-0.0}));
  points.emplace_back().add_set(2.5, 10, 1, 9);
  std::string bytes;
  for (const auto& point : points) put_point(bytes, point);
  ByteReader reader(bytes);
  for (const auto& point : points) EXPECT_EQ(reader.point(), point);
  EXPECT_TRUE(reader.at_end() && !reader.broken());
}

TEST(PointCodec, damaged_bytes_are_noticed) {
  std::string bytes;
  put_point(bytes, of({1, 2.5, 1e9}));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ByteReader reader(std::string_view(bytes).substr(0, i));
    EXPECT_TRUE(reader.point().empty());
    EXPECT_TRUE(reader.broken());
  }
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    auto damaged = bytes;
    for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    ByteReader reader(damaged);
    (void)reader.point();
  }
}

TEST(History, a_value_that_stays_costs_nothing) {
  History history;
  for (int i = 0; i < 900; ++i) history.add(i, of({42}));
  EXPECT_EQ(history.bytes(), 0u);
  int seen = 0;
  history.visit(100, 200, [&](std::int64_t second, const Point& point) {
    EXPECT_EQ(second, 100 + seen++);
    EXPECT_EQ(statistic(point, "Sum"), 42);
  });
  EXPECT_EQ(seen, 100);
}

TEST(History, gives_back_each_second_in_whatever_order) {
  History history;
  std::map<std::int64_t, double> expected, seen;
  for (int i = 0; i < 900; ++i) {
    const auto second = (i * 7) % 900;
    history.add(second, of({i * 0.5, 1.0}));
    expected[second] = i * 0.5 + 1;
  }
  history.visit(0, 900, [&](std::int64_t second, const Point& point) { seen[second] = point.sum; });
  EXPECT_EQ(seen, expected);
}

TEST(History, drops_old_chunks_and_says_from_when_it_is_complete) {
  History history;
  for (int i = 0; i < 1000; ++i) history.add(i, of({i * 1.5}));
  const auto before = history.bytes();
  history.drop_before(500);
  EXPECT_LT(history.bytes(), before * 6 / 10);
  EXPECT_LE(history.complete_from, 500);
  std::int64_t next = history.complete_from;
  history.visit(next, 2000, [&](std::int64_t second, const Point&) { EXPECT_EQ(second, next++); });
  EXPECT_EQ(next, 1000);
}

TEST(History, is_bounded_whatever_the_clock_does) {
  History history;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 900; ++i) history.add(i, of({i * 0.7 + round}));
  }
  EXPECT_LT(history.bytes(), 100'000u);
}

TEST(Block, one_series_and_all_series_read_what_was_written) {
  std::mt19937 random(5);
  Chain chain;
  SeriesReader one(17);
  ShardReader all;
  for (std::int64_t start = 0; start < 1000; start += 10) {
    std::map<std::size_t, Point> written;
    std::vector<BlockPoint> points;
    for (unsigned i = 0; i < kShardSeries; ++i) {
      if (random() % 4 == 0) continue;
      // Few values, so that many repeat; some with a sketch.
      Point point = random() % 8 == 0 ? of({static_cast<double>(random() % 3), 9}) : of({static_cast<double>(random() % 2)});
      written[i] = point.clone();
      points.push_back({static_cast<std::uint8_t>(i), std::move(point)});
    }
    const auto block = random() % 5 == 0 ? Chain::apart(points) : chain.next(start, 10, points);
    const auto* found = one.next(block.kind, block.bytes);
    EXPECT_EQ(found != nullptr, written.contains(17));
    if (found != nullptr) {
      EXPECT_EQ(*found, written[17]);
    }
    std::size_t count = 0;
    all.next(block.kind, block.bytes, [&](std::size_t series, const Point& point) {
      ++count;
      EXPECT_EQ(point, written[series]);
    });
    EXPECT_EQ(count, written.size());
  }
}

TEST(Block, points_that_stay_take_a_bit) {
  Chain chain;
  std::size_t bytes = 0;
  for (std::int64_t start = 0; start < 20 * 10; start += 10) {
    std::vector<BlockPoint> points;
    for (unsigned i = 0; i < kShardSeries; ++i) points.push_back({static_cast<std::uint8_t>(i), of({i * 0.3})});
    const auto block = chain.next(start, 10, points);
    EXPECT_EQ(block.kind, start == 0 ? BlockKind::kWhole : BlockKind::kChained);
    if (start > 0) bytes = std::max(bytes, block.bytes.size());
  }
  EXPECT_LE(bytes, kShardSeries / 8 + 2);
}

}  // namespace
}  // namespace zeropull::series
