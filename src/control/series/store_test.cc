#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "control/series/limits.h"
#include "control/series/testing/store_fixture.h"

namespace zeropull::series {
namespace {

using StoreTest = StoreFixture;

TEST_F(StoreTest, an_observation_is_there_at_once_in_every_period) {
  put(7, 3);
  put(7, 5);
  for (std::int64_t period : {1, 5, 10, 30, 60, 300, 3600}) {
    const auto start = 7 / period * period;
    EXPECT_EQ(read("Sum", period, 0, 60), (Readings{{start, 8}})) << period;
    EXPECT_EQ(read("Maximum", period, 0, 60), (Readings{{start, 5}})) << period;
  }
}

TEST_F(StoreTest, periods_without_observations_are_left_out_and_ends_are_exclusive) {
  put(0, 1);
  put(10, 2);
  put(40, 3);
  EXPECT_EQ(read("Sum", 10, 0, 40), (Readings{{0, 1}, {10, 2}}));
  EXPECT_EQ(read("Sum", 10, 0, 41), (Readings{{0, 1}, {10, 2}, {40, 3}}));
  EXPECT_EQ(read("Sum", 10, 15, 41), (Readings{{10, 2}, {40, 3}}));
  EXPECT_EQ(read("Sum", 10, 30, 30), Readings{});
}

TEST_F(StoreTest, an_account_sees_its_own_alone) {
  put(0, 1);
  auto other = key_named("m");
  other.account = "444455556666";
  EXPECT_EQ(read("Sum", 60, 0, 60, other), Readings{});
  EXPECT_TRUE(store->list({.account = other.account}, "", 10).keys.empty());
  EXPECT_EQ(store->list({.account = "111122223333"}, "", 10).keys.size(), 1u);
  EXPECT_TRUE(store->list({.account = "1111"}, "", 10).keys.empty());
}

TEST_F(StoreTest, dimensions_make_different_metrics) {
  writer(key_named("m", "one")).put(clock.wall_now(), 1);
  writer(key_named("m", "two")).put(clock.wall_now(), 2);
  EXPECT_EQ(read("Sum", 60, 0, 60, key_named("m", "two")), (Readings{{0, 2}}));
  EXPECT_EQ(read("Sum", 60, 0, 60, {"111122223333", "AWS/SageMaker", "m", {}}), Readings{});
}

TEST_F(StoreTest, values_with_counts_and_statistic_sets_add_up) {
  const std::vector<Observation> observations{{1, 3}, {10, 1}};
  writer().put(clock.wall_now(), observations);
  EXPECT_EQ(read("Average", 60, 0, 60), (Readings{{0, 13.0 / 4}}));
  EXPECT_EQ(read("p50", 60, 0, 60).size(), 1u);
  writer().put_set(clock.wall_now(), {.sample_count = 4, .sum = 20, .minimum = 0, .maximum = 8});
  EXPECT_EQ(read("Sum", 60, 0, 60), (Readings{{0, 33}}));
  EXPECT_EQ(read("p50", 60, 0, 60), Readings{});
}

TEST_F(StoreTest, what_is_no_number_is_dropped) {
  for (double value : {std::nan(""), std::numeric_limits<double>::infinity(), 1e300}) writer().put(clock.wall_now(), value);
  writer().put(clock.wall_now(), 1, 0);
  writer().put_set(clock.wall_now(), {.sample_count = 1, .sum = 1, .minimum = 2, .maximum = 1});
  EXPECT_EQ(read("SampleCount", 60, 0, 60), Readings{});
  Writer().put(clock.wall_now(), 1);
}

TEST_F(StoreTest, the_same_value_each_second_costs_no_memory) {
  for (std::int64_t i = 0; i < 600; ++i) put(i, 5);
  EXPECT_EQ(store->usage().memory_bytes, 0u);
  EXPECT_EQ(read("Average", 1, 0, 600).size(), 600u);
  EXPECT_EQ(read("Sum", 60, 0, 600).size(), 10u);
}

TEST_F(StoreTest, bad_periods_and_too_many_points_are_refused) {
  put(0, 1);
  const auto sum = MUST(parse_statistic("Sum"));
  for (std::int64_t period : {std::int64_t{0}, std::int64_t{-60}, std::int64_t{1} << 60}) {
    EXPECT_TRUE(store->get(key_named("m"), sum, std::chrono::seconds(period), time_of(begin), time_of(begin + 60))
                    .failed_with(Code::kInvalidArgument));
  }
  EXPECT_TRUE(
      store->get(key_named("m"), sum, std::chrono::seconds(10), time_of(0), time_of(begin)).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(store->get(key_named(""), sum, std::chrono::seconds(10), time_of(begin), time_of(begin))
                  .failed_with(Code::kInvalidArgument));
}

TEST_F(StoreTest, a_listing_filters_and_goes_on_page_by_page) {
  for (int i = 0; i < 25; ++i) writer(key_named(i % 2 == 0 ? "even" : "odd", std::to_string(100 + i))).put(clock.wall_now(), i);
  writer({"111122223333", "Zeropull", "own", {}}).put(clock.wall_now(), 1);
  (void)writer(key_named("never written"));
  ListFilter filter{.account = "111122223333", .name_space = "AWS/SageMaker", .metric = "even"};
  std::vector<SeriesKey> all;
  std::string next;
  int pages = 0;
  do {
    auto page = store->list(filter, next, 4);
    std::ranges::move(page.keys, std::back_inserter(all));
    next = page.next;
    ++pages;
  } while (!next.empty());
  EXPECT_EQ(all.size(), 13u);
  EXPECT_EQ(pages, 4);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(store->list({.account = "111122223333"}, "", 500).keys.size(), 26u);
  EXPECT_EQ(store->list({.account = "111122223333", .metric = "odd"}, "", 500).keys.size(), 12u);
  filter.dimensions = {{"InferenceComponentName", "104"}};
  EXPECT_EQ(store->list(filter, "", 500).keys, (std::vector{key_named("even", "104")}));
  filter.dimensions = {{"InferenceComponentName", std::nullopt}, {"VariantName", std::nullopt}};
  EXPECT_TRUE(store->list(filter, "", 500).keys.empty());
  EXPECT_TRUE(store->list({.account = "111122223333"}, "zzz", 10).keys.empty());
}

TEST_F(StoreTest, a_listing_may_ask_for_what_is_active) {
  put(0, 1);
  clock.second += 4 * 3600;
  writer(key_named("fresh")).put(clock.wall_now(), 1);
  ListFilter filter{.account = "111122223333"};
  EXPECT_EQ(store->list(filter, "", 10).keys.size(), 2u);
  filter.active_within = std::chrono::hours(3);
  EXPECT_EQ(store->list(filter, "", 10).keys, (std::vector{key_named("fresh")}));
  clock.second += 15 * 86400;
  EXPECT_TRUE(store->list({.account = "111122223333"}, "", 10).keys.empty());
}

TEST_F(StoreTest, the_newest_unit_holds) {
  EXPECT_EQ(store->unit(key_named("m")), "None");
  put(0, 1);
  EXPECT_EQ(store->unit(key_named("m")), "Count");
  MUST(store->writer(key_named("m"), "Microseconds"));
  ASSERT_TRUE(store->flush().ok());
  reopen();
  EXPECT_EQ(store->unit(key_named("m")), "Microseconds");
}

// Whatever happens to clock, process and disk, what a query of 10 s or more says is what was put.
class StoreModel : public StoreFixture, public testing::WithParamInterface<unsigned> {};

TEST_P(StoreModel, answers_as_a_plain_list_of_observations_does) {
  std::mt19937 random(GetParam());
  std::vector<std::pair<std::int64_t, double>> observations;
  std::int64_t least = 0, most = 0;
  std::int64_t now = 0;
  for (int step = 0; step < 4000; ++step) {
    const auto dice = random() % 1000;
    if (dice < 3) now += 3600;
    if (dice >= 3 && dice < 6) now -= 3600;
    if (dice == 6) reopen();
    if (dice == 7) now += 400;
    if (dice >= 10 && dice < 300) now += 1;
    if (dice >= 300 && dice < 350) now += 9;
    now = std::clamp<std::int64_t>(now, -3600, 3600);  // within what 10 s points are kept for
    clock.second = begin + now;
    if (dice >= 350 && dice < 450) MUST(store->flush());
    const auto at = now - (dice % 20 == 0 ? static_cast<std::int64_t>(random() % 600) : 0);
    const double value = random() % 3 == 0 ? static_cast<double>(random() % 100) : 4.5;
    writer().put(time_of(begin + at), value);
    observations.emplace_back(at, value);
    least = std::min(least, at);
    most = std::max(most, at);
    if (step % 100 != 99) continue;
    for (std::int64_t period : {10, 30, 60, 300, 3600}) {
      std::map<std::int64_t, std::pair<double, double>> expected;  // count and sum
      for (const auto& [second, one] : observations) {
        auto& [count, sum] = expected[round_down(begin + second, period) - begin];
        count += 1;
        sum += one;
      }
      const auto counts = read("SampleCount", period, least, most + 1), sums = read("Sum", period, least, most + 1);
      ASSERT_EQ(counts.size(), expected.size()) << "step " << step << " period " << period;
      std::size_t i = 0;
      for (const auto& [start, count_and_sum] : expected) {
        ASSERT_EQ(counts[i], (std::pair{start, count_and_sum.first})) << "step " << step << " period " << period;
        ASSERT_NEAR(sums[i++].second, count_and_sum.second, 1e-6);
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, StoreModel, testing::Range(1u, 9u));

TEST_F(StoreTest, writers_readers_and_flushes_do_not_wait_for_each_other_for_ever) {
  constexpr int kThreads = 4, kPuts = 3000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t] {
        auto mine = MUST(store->writer(key_named("m", std::to_string(t % 2)), "Count"));
        for (int i = 0; i < kPuts; ++i) mine.put(time_of(begin + i / 10), 1);
      });
    }
    threads.emplace_back([this] {
      for (int i = 0; i < 100; ++i) {
        clock.second = begin + 3 * i;
        MUST(store->flush());
        (void)store->usage();
      }
    });
    threads.emplace_back([this] {
      for (int i = 0; i < 200; ++i) {
        // Never more than was put, whatever is on its way to the disk.
        double sum = 0;
        for (const auto& [at, value] : read("Sum", 60, 0, 600, key_named("m", "0"))) sum += value;
        EXPECT_LE(sum, kThreads / 2 * kPuts);
        (void)store->list({.account = "111122223333"}, "", 10);
      }
    });
  }
  double sum = 0;
  for (const auto& [at, value] : read("Sum", 60, 0, 600, key_named("m", "0"))) sum += value;
  EXPECT_EQ(sum, kThreads / 2 * kPuts);
}

}  // namespace
}  // namespace zeropull::series
