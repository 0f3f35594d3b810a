// What the store's tests share: a clock that is told the time, a database in a scratch folder, readings without ceremony.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "control/series/seconds.h"
#include "control/series/series.h"
#include "os/file.h"

namespace zeropull::series {

class FakeClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::seconds(second)); }
  WallTime wall_now() const override { return time_of(second); }
  std::atomic<std::int64_t> second{1'800'000'000};  // a multiple of an hour
};

inline SeriesKey key_named(const std::string& metric, const std::string& value = "one") {
  return {"111122223333", "AWS/SageMaker", metric, {{"InferenceComponentName", value}}};
}

class StoreFixture : public testing::Test {
 protected:
  using Readings = std::vector<std::pair<std::int64_t, double>>;  // seconds since begin, values

  void SetUp() override { open(); }
  void open() { store = MUST(Store::open({.path = path(), .own_thread = false}, clock)); }
  void reopen() {
    store.reset();
    open();
  }
  std::string path() const { return folder.path() + "/" + name + ".db"; }
  Writer writer(const SeriesKey& key = key_named("m")) { return MUST(store->writer(key, "Count")); }
  // In the second `at` after begin, which also becomes the clock's.
  void put(std::int64_t at, double value) {
    clock.second = begin + at;
    writer().put(clock.wall_now(), value);
  }
  Readings read(std::string_view statistic, std::int64_t period, std::int64_t from, std::int64_t to,
                const SeriesKey& key = key_named("m")) {
    Readings readings;
    const auto points = MUST(store->get(key, MUST(parse_statistic(statistic)), std::chrono::seconds(period),
                                        time_of(begin + from), time_of(begin + to)));
    for (const auto& [at, value] : points) readings.emplace_back(seconds_of(at) - begin, value);
    return readings;
  }

  os::ScratchFolder folder = MUST(os::ScratchFolder::create(testing::TempDir(), "series"));
  std::string name = "points";
  FakeClock clock;
  const std::int64_t begin = clock.second;
  std::unique_ptr<Store> store;
};

}  // namespace zeropull::series
