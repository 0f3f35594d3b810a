// What is on disk: restarts, kills (a copy of the database as it was at that moment), tiers, jumps of the clock, old points.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "control/series/limits.h"
#include "control/series/testing/store_fixture.h"
#include "sqlite/database.h"

namespace zeropull::series {
namespace {

class DiskTest : public StoreFixture {
 protected:
  // What a process that is killed now would find again.
  void kill() {
    const auto before = path();
    name += "x";
    for (const auto* suffix : {"", "-wal"}) {
      if (std::filesystem::exists(before + suffix)) std::filesystem::copy_file(before + suffix, path() + suffix);
    }
    store.reset();
    open();
  }
  // As the store's thread would.
  void live(std::int64_t from, std::int64_t to, double value) {
    for (auto at = from; at < to; ++at) {
      put(at, value);
      if (at % 2 == 0) {
        ASSERT_TRUE(store->flush().ok());
      }
    }
  }
  std::int64_t rows(const std::string& where) {
    store.reset();
    std::int64_t count = 0;
    {
      auto database = MUST(sqlite::Database::open(path()));
      auto select = MUST(database.prepare("SELECT count(*) FROM block WHERE " + where));
      MUST(select.step());
      count = select.integer(0);
    }
    open();
    return count;
  }
};

TEST_F(DiskTest, a_restart_loses_no_point_of_10_s) {
  live(0, 95, 2);
  const auto before = read("Sum", 10, 0, 100);
  reopen();
  EXPECT_EQ(read("Sum", 10, 0, 100), before);
  EXPECT_EQ(read("Sum", 60, 0, 100), (Readings{{0, 120}, {60, 70}}));
  EXPECT_EQ(read("Sum", 1, 0, 100), Readings{});
  live(95, 120, 2);
  EXPECT_EQ(read("Sum", 60, 0, 120), (Readings{{0, 120}, {60, 120}}));
}

TEST_F(DiskTest, a_kill_loses_what_the_header_says) {
  live(0, 96, 2);
  kill();
  // 90 to 100 was open. What was over and written is all there.
  EXPECT_EQ(read("Sum", 10, 0, 100).size(), 9u);
  EXPECT_EQ(read("Sum", 60, 0, 100), (Readings{{0, 120}, {60, 60}}));
  EXPECT_EQ(store->list({.account = "111122223333"}, "", 10).keys.size(), 1u);
}

TEST_F(DiskTest, the_point_of_an_hour_survives_a_kill_within_it) {
  live(0, 1804, 1);
  kill();  // four observations were in the open 10 s
  live(1804, 3700, 1);
  EXPECT_EQ(read("Sum", 3600, 0, 3600), (Readings{{0, 3596}}));
  EXPECT_EQ(rows("tier = 3600"), 1);
}

TEST_F(DiskTest, percentiles_survive_on_disk) {
  for (std::int64_t i = 0; i < 100; ++i) {
    clock.second = begin + i;
    for (int k = 0; k < 20; ++k) writer().put(clock.wall_now(), 100 + k * 50);
    MUST(store->flush());
  }
  const auto before = read("p90", 60, 0, 60);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_NEAR(before[0].second, 950, 10);
  reopen();
  EXPECT_EQ(read("p90", 60, 0, 60), before);
}

TEST_F(DiskTest, coarse_points_outlive_fine_ones) {
  live(0, 120, 3);
  // The flushes of four hours later remove the 10 s points.
  for (int i = 0; i < 5; ++i) {
    clock.second = begin + 4 * 3600 + 10 * i;
    MUST(store->flush());
  }
  EXPECT_EQ(rows("tier = 10"), 0);
  EXPECT_EQ(read("Sum", 10, 0, 120), Readings{});
  EXPECT_EQ(read("Sum", 60, 0, 120), (Readings{{0, 180}, {60, 180}}));
  for (int i = 0; i < 5; ++i) {
    clock.second = begin + 16 * 86400 + 10 * i;
    MUST(store->flush());
  }
  EXPECT_EQ(read("Sum", 60, 0, 120), Readings{});
  EXPECT_EQ(read("Sum", 300, 0, 120), (Readings{{0, 360}}));
  for (int i = 0; i < 5; ++i) {
    clock.second = begin + 70 * 86400 + 10 * i;
    MUST(store->flush());
  }
  EXPECT_EQ(read("Sum", 300, 0, 120), Readings{});
  EXPECT_EQ(read("Sum", 3600, 0, 120), (Readings{{0, 360}}));
  EXPECT_EQ(rows("tier < 3600"), 0);
  for (int i = 0; i < 5; ++i) {
    clock.second = begin + 460 * 86400 + 10 * i;
    MUST(store->flush());
  }
  EXPECT_EQ(rows("1"), 0);
  EXPECT_EQ(store->usage().series, 0u);
}

TEST_F(DiskTest, what_comes_two_weeks_late_is_filed_where_it_belongs) {
  live(0, 30, 1);
  const auto old = -13 * 86400;
  writer().put(time_of(begin + old), 7);
  writer().put(time_of(begin + old), 8);
  EXPECT_EQ(read("Sum", 60, old, old + 60), (Readings{{old, 15}}));
  clock.second += 60;
  MUST(store->flush());
  EXPECT_EQ(read("Sum", 60, old, old + 60), (Readings{{old, 15}}));
  writer().put(time_of(begin + old), 1);
  clock.second += 4000;
  MUST(store->flush());
  reopen();
  EXPECT_EQ(read("Sum", 60, old, old + 60), (Readings{{old, 16}}));
  EXPECT_EQ(read("Sum", 3600, old, old + 60), (Readings{{old, 16}}));
}

TEST_F(DiskTest, jumps_of_an_hour_lose_nothing_and_grow_nothing) {
  live(0, 300, 1);
  live(3900, 4200, 1);  // an hour on
  live(300, 600, 1);    // and back
  live(3900 + 300, 3900 + 600, 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read("Sum", 300, 0, 5000), (Readings{{0, 300}, {300, 300}, {3900, 300}, {4200, 300}}));
    EXPECT_EQ(read("Sum", 3600, 0, 5000), (Readings{{0, 600}, {3600, 600}}));
    reopen();
  }
}

TEST_F(DiskTest, a_clock_that_is_set_back_again_and_again_is_bounded) {
  std::size_t most = 0;
  for (int round = 0; round < 20; ++round) {
    for (std::int64_t i = 0; i < 300; ++i) {
      put((round % 2) * 3600 + i, static_cast<double>(i) * 0.7 + round);
      if (i % 10 == 0) MUST(store->flush());
    }
    most = std::max(most, store->usage().memory_bytes);
  }
  EXPECT_LT(most, 64'000u);
  EXPECT_EQ(read("SampleCount", 300, 0, 5000), (Readings{{0, 3000}, {3600, 3000}}));
}

TEST_F(DiskTest, a_gauge_that_stays_takes_little_disk) {
  const int series = 256;
  std::vector<Writer> writers;
  for (int i = 0; i < series; ++i) writers.push_back(writer(key_named("gauge", std::to_string(i))));
  for (std::int64_t at = 0; at < 290; ++at) {
    clock.second = begin + at;
    for (int i = 0; i < series; ++i) writers[static_cast<std::size_t>(i)].put(clock.wall_now(), i * 0.1);
    MUST(store->flush());
  }
  EXPECT_EQ(store->usage().memory_bytes, 0u);
  EXPECT_EQ(rows("tier = 10 AND kind = 0"), 1);
  EXPECT_EQ(rows("tier = 10 AND kind = 1"), 27);
  EXPECT_EQ(rows("tier = 10 AND kind = 1 AND length(CAST(points AS BLOB)) < 50"), 27);
  EXPECT_EQ(read("SampleCount", 10, 0, 280, key_named("gauge", "255")).size(), 28u);
}

TEST_F(DiskTest, one_process_at_a_time) {
  EXPECT_TRUE(Store::open({.path = path(), .own_thread = false}, clock).failed_with(Code::kFailedPrecondition));
}

TEST_F(DiskTest, after_stop_puts_are_lost_and_nothing_crashes) {
  put(0, 1);
  auto kept = writer();
  EXPECT_TRUE(store->stop().ok());
  EXPECT_TRUE(store->stop().ok());
  kept.put(clock.wall_now(), 1);
  EXPECT_TRUE(store->flush().failed_with(Code::kUnavailable));
  reopen();
  EXPECT_EQ(read("Sum", 10, 0, 10), (Readings{{0, 1}}));
}

TEST_F(DiskTest, the_own_thread_writes_and_ends) {
  store.reset();
  store = MUST(Store::open({.path = path()}, clock));
  put(0, 1);
  store.reset();
  open();
  EXPECT_EQ(read("Sum", 10, 0, 10), (Readings{{0, 1}}));
}

TEST_F(DiskTest, a_file_that_is_no_database_is_refused) {
  store.reset();
  name = "other";
  std::ofstream(path()) << std::string(8192, 'x');
  EXPECT_TRUE(Store::open({.path = path(), .own_thread = false}, clock).failed_with(Code::kDataLoss));
}

}  // namespace
}  // namespace zeropull::series
