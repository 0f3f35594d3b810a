#include "control/autoscaler/start_times.h"

#include <gtest/gtest.h>

namespace zeropull::autoscaler {
namespace {

state::Ptr<state::TimelineEntry> start(state::Millis begin, int seconds, const std::string& source, int fetching = 0) {
  state::Held<state::TimelineEntry> entry;
  entry.kind = "copy", entry.component = "qwen", entry.outcome = "ready", entry.begin = begin;
  auto phase = [&](const char* name, int from, int to, const std::string& of) {
    auto& one = entry.phases.emplace_back();
    one.name = name, one.begin = begin + from * 1000, one.end = begin + to * 1000, one.source = of;
  };
  phase("detect", -60, -50, "");
  phase("image", 0, fetching, source);
  phase("healthy", fetching, seconds, "");
  return std::make_shared<const state::Held<state::TimelineEntry>>(entry);
}

TEST(StartTimes, are_the_median_of_the_newest_starts_of_the_same_path) {
  state::List<state::TimelineEntry> entries;
  EXPECT_EQ(expected_start(entries, "qwen", StartPath::kHit).measured, 0);
  entries.push_back(start(1000, 100, "registry", 80));
  auto guess = expected_start(entries, "qwen", StartPath::kHit);
  EXPECT_EQ(guess.time, std::chrono::seconds(20)) << "what it took without fetching";
  entries.push_back(start(2000, 9, "cache"));
  entries.push_back(start(3000, 10, "volume"));
  entries.push_back(start(4000, 30, "cache"));
  auto hit = expected_start(entries, "qwen", StartPath::kHit);
  EXPECT_EQ(hit.time, std::chrono::seconds(10));
  EXPECT_EQ(hit.measured, 3);
  EXPECT_EQ(expected_start(entries, "qwen", StartPath::kMiss).time, std::chrono::seconds(100));
  EXPECT_EQ(expected_start(entries, "other", StartPath::kMiss).measured, 0);
}

TEST(StartTimes, a_cache_that_is_off_makes_every_start_a_miss) {
  state::List<state::TimelineEntry> entries{start(1000, 9, "cache")};
  state::Endpoint endpoint;
  EXPECT_EQ(expected_path(entries, "qwen", endpoint), StartPath::kHit);
  endpoint.tags["zeropull:image-cache"] = "off";
  EXPECT_EQ(expected_path(entries, "qwen", endpoint), StartPath::kMiss);
}

}  // namespace
}  // namespace zeropull::autoscaler
