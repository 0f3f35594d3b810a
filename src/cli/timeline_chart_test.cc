#include "cli/timeline_chart.h"

#include <gtest/gtest.h>

namespace zeropull::cli {
namespace {

TEST(TimelineChart, shows_phases_on_one_scale_with_bytes_source_rate_and_floor) {
  ChartStart start{
      .title = "copy c-1 of llm on i-1 (ml.g5.xlarge)", .outcome = "ready", .link_bits_per_s = 1'000'000'000, .phases = {}};
  start.phases.push_back({.name = "image", .begin_s = 100, .end_s = 105, .bytes = 500'000'000, .source = "store", .reason = {}});
  start.phases.push_back({.name = "model", .begin_s = 100, .end_s = 100.02, .bytes = 0, .source = "volume", .reason = {}});
  start.phases.push_back({.name = "start", .begin_s = 105, .end_s = 110, .bytes = 0, .source = {}, .reason = {}});
  EXPECT_EQ(draw_timeline({start}, 200, 10),
            "copy c-1 of llm on i-1 (ml.g5.xlarge): ready, 10.00 s\n"
            "  image     |#####     |   5.00 s  476.8 MiB from store, 95.4 MiB/s, floor 4.00 s\n"
            "  model     |#         |    20 ms  0 bytes, from volume\n"
            "  start     |     #####|   5.00 s");
}

TEST(TimelineChart, what_goes_on_ends_now_and_says_so) {
  ChartStart start{.title = "instance i-1", .outcome = "launching", .link_bits_per_s = 0, .phases = {}};
  start.phases.push_back({.name = "provision", .begin_s = 100, .end_s = 0, .bytes = 0, .source = {}, .reason = "no capacity"});
  EXPECT_EQ(draw_timeline({start}, 102, 4),
            "instance i-1: launching, 2.00 s\n"
            "  provision |####|   2.00 s+ no capacity");
}

TEST(TimelineChart, nothing_is_an_empty_text) { EXPECT_EQ(draw_timeline({}, 1, 10), ""); }

}  // namespace
}  // namespace zeropull::cli
