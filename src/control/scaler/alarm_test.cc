#include "control/scaler/alarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "control/scaler/target_tracking.h"

namespace zeropull::scaler {
namespace {

using enum AlarmStateValue;

constexpr std::int64_t kNow = 1'782'000'600;  // a multiple of 60

// "0 - X": the newest period right, X above the threshold of 5.
std::vector<Datapoint> points_of(std::string_view pattern, std::int64_t period, std::int64_t now = kNow) {
  std::vector<Datapoint> points;
  auto periods = static_cast<std::int64_t>(std::ranges::count_if(pattern, [](char c) { return c != ' '; }));
  std::int64_t time = now - now % period - periods * period;
  for (char c : pattern) {
    if (c == ' ') continue;
    if (c != '-') points.push_back({.time = time, .value = c == 'X' ? 7.0 : 1.0});
    time += period;
  }
  return points;
}

AlarmStateValue after(std::string_view pattern, MissingData missing, AlarmStateValue before, int to_alarm = 0) {
  AlarmRule rule{.threshold = 5, .period = 10, .periods = 3, .to_alarm = to_alarm, .missing = missing};
  AlarmState state{.value = before};
  (void)evaluate(rule, state, points_of(pattern, 10), kNow);
  return state.value;
}

TEST(Alarm, follows_the_table_of_the_user_guide) {
  struct Row {
    std::string_view data;
    std::optional<AlarmStateValue> missing, ignore, breaching, not_breaching;  // none: keeps the state
  };
  const std::vector<Row> rows{{"0 - X - X", kOk, kOk, kOk, kOk},
                              {"0 - - - -", kOk, kOk, kOk, kOk},
                              {"- - - - -", kInsufficientData, std::nullopt, kAlarm, kOk},
                              {"0 X X - X", kAlarm, kAlarm, kAlarm, kAlarm},
                              {"- - X - -", kAlarm, std::nullopt, kAlarm, kOk}};
  for (const auto& row : rows) {
    for (auto before : {kOk, kAlarm, kInsufficientData}) {
      EXPECT_EQ(after(row.data, MissingData::kMissing, before), row.missing.value_or(before)) << row.data;
      EXPECT_EQ(after(row.data, MissingData::kIgnore, before), row.ignore.value_or(before)) << row.data;
      EXPECT_EQ(after(row.data, MissingData::kBreaching, before), row.breaching.value_or(before)) << row.data;
      EXPECT_EQ(after(row.data, MissingData::kNotBreaching, before), row.not_breaching.value_or(before)) << row.data;
    }
  }
}

TEST(Alarm, data_that_nobody_wrote_while_the_clock_jumped_is_not_missing) {
  AlarmRule rule{.comparison = Comparison::kLess, .threshold = 1, .period = 10, .periods = 3, .missing = MissingData::kBreaching};
  AlarmState state;
  std::vector<Datapoint> points;
  std::int64_t now = 1'800'000'000;
  const auto periods = [&](int count, bool written) {
    for (; count > 0; --count, now += 10) {
      if (written) points.push_back({.time = now, .value = 5});
      std::ranges::sort(points, {}, &Datapoint::time);
      evaluate(rule, state, points, now + 10);
    }
  };
  periods(10, true);
  ASSERT_EQ(state.value, AlarmStateValue::kOk);
  for (std::int64_t jump : {3600, -3600, -3600}) {
    now += jump;
    for (int i = 0; i < 12; ++i) {
      periods(1, true);
      EXPECT_EQ(state.value, AlarmStateValue::kOk) << jump << ", period " << i;
    }
  }
  periods(5, false);
  EXPECT_EQ(state.value, AlarmStateValue::kAlarm) << "what is truly missing counts again";
}

TEST(Alarm, a_single_young_point_is_not_enough) {
  EXPECT_NE(after("- - - - X", MissingData::kMissing, kOk), kAlarm);
  EXPECT_NE(after("- - - X -", MissingData::kMissing, kOk), kAlarm);
}

TEST(Alarm, m_of_n_periods_are_enough) {
  EXPECT_EQ(after("0 0 X 0 X", MissingData::kMissing, kOk, 2), kAlarm);
  EXPECT_EQ(after("0 X 0 0 X", MissingData::kMissing, kAlarm, 2), kOk);
}

TEST(Alarm, an_edge_of_the_threshold_is_as_the_comparison_says) {
  for (auto [comparison, alarm] : {std::pair(Comparison::kGreater, false),
                                   {Comparison::kGreaterOrEqual, true},
                                   {Comparison::kLess, false},
                                   {Comparison::kLessOrEqual, true}}) {
    AlarmState state;
    Datapoint point{.time = kNow - 60, .value = 5};
    (void)evaluate({.comparison = comparison, .threshold = 5}, state, std::span(&point, 1), kNow);
    EXPECT_EQ(state.value, alarm ? kAlarm : kOk) << comparison_name(comparison);
  }
}

// Seconds from a step in the first second of a minute until the alarm of target tracking.
std::int64_t detection(Resolution resolution) {
  TargetTracking policy{.target = 5};
  auto rule = alarm_high(policy, resolution, "Maximum");
  AlarmState state{.value = kOk};
  std::vector<Datapoint> points;
  for (std::int64_t now = kNow - 3600; now < kNow + 3600; now += rule.period) {
    if (now > kNow - 3600) points.push_back({.time = now - rule.period, .value = now - rule.period >= kNow ? 7.0 : 1.0});
    (void)evaluate(rule, state, points, now);
    if (state.value == kAlarm) return now - kNow;
  }
  return -1;
}

TEST(TargetTrackingAlarms, take_three_minutes_or_thirty_seconds_to_scale_out) {
  EXPECT_EQ(detection(Resolution::kStandard), 180);
  EXPECT_EQ(detection(Resolution::kHigh), 30);
}

TEST(TargetTrackingAlarms, take_fifteen_minutes_below_nine_tenths_to_scale_in_at_either_resolution) {
  for (auto resolution : {Resolution::kStandard, Resolution::kHigh}) {
    auto rule = alarm_low({.target = 10}, resolution, "Maximum");
    EXPECT_DOUBLE_EQ(rule.threshold, 9);
    EXPECT_EQ(rule.period * rule.periods, 900);
    AlarmState state{.value = kOk};
    std::vector<Datapoint> points;
    std::int64_t alarm = 0;
    for (std::int64_t now = kNow; alarm == 0 && now < kNow + 7200; now += rule.period) {
      // At 9.5 for twenty minutes, then at 8.5.
      points.push_back({.time = now, .value = now < kNow + 1200 ? 9.5 : 8.5});
      (void)evaluate(rule, state, points, now + rule.period);
      if (state.value == kAlarm) alarm = now + rule.period;
    }
    EXPECT_EQ(alarm, kNow + 1200 + 900);
  }
}

TEST(Alarm, repeats_scaling_actions_once_a_minute_and_others_never) {
  AlarmRule rule{.threshold = 5, .period = 10, .periods = 3};
  AlarmState state{.value = kOk};
  int changes = 0;
  std::vector<std::int64_t> acted;
  std::vector<Datapoint> points;
  for (std::int64_t now = kNow; now < kNow + 200; now += 10) {
    points.push_back({.time = now - 10, .value = 7});
    auto result = evaluate(rule, state, points, now);
    if (result.changed) ++changes;
    if (result.scaling_actions && state.value == kAlarm) acted.push_back(now - kNow);
  }
  EXPECT_EQ(changes, 1);
  EXPECT_THAT(acted, ::testing::ElementsAre(20, 80, 140));
}

TEST(Alarm, a_clock_an_hour_ahead_or_back_does_not_alarm) {
  AlarmRule rule{.threshold = 5, .period = 10, .periods = 3};
  for (std::int64_t jump : {3600, -3600}) {
    AlarmState state{.value = kOk};
    // An hour ago the load was high, and was scaled for.
    std::vector<Datapoint> points;
    for (std::int64_t time = kNow - 3700; time < kNow; time += 10)
      points.push_back({.time = time, .value = time < kNow - 3500 ? 7.0 : 1.0});
    (void)evaluate(rule, state, points, kNow);
    ASSERT_EQ(state.value, kOk);
    for (std::int64_t now = kNow + jump; now < kNow + jump + 300; now += 10) {
      std::erase_if(points, [&](const Datapoint& point) { return point.time == now - 10; });
      points.push_back({.time = now - 10, .value = 1});
      std::ranges::sort(points, {}, &Datapoint::time);
      (void)evaluate(rule, state, points, now);
      EXPECT_NE(state.value, kAlarm) << jump << " at " << now - kNow;
    }
    EXPECT_EQ(state.value, kOk);
  }
}

TEST(Alarm, words_its_reason_as_cloudwatch_does) {
  AlarmRule rule{.threshold = 5, .period = 10, .periods = 3, .statistic = "Maximum"};
  AlarmState state;
  EXPECT_EQ(state.reason, "Unchecked: Initial alarm creation");
  std::vector<Datapoint> points{{1'782'000'600, 6}, {1'782'000'610, 6}, {1'782'000'620, 7}};
  (void)evaluate(rule, state, points, 1'782'000'631);
  EXPECT_EQ(state.reason,
            "Threshold Crossed: 3 datapoints [7.0 (21/06/26 00:10:20), 6.0 (21/06/26 00:10:10), 6.0 (21/06/26 00:10:00)] were "
            "greater than the threshold (5.0).");
  EXPECT_THAT(state.reason_data,
              ::testing::HasSubstr(R"("startDate":"2026-06-21T00:10:00.000+0000","statistic":"Maximum","period":10,)"
                                   R"("recentDatapoints":[6.0,6.0,7.0],"threshold":5.0)"));
  (void)evaluate(rule, state, {}, 1'782'000'731);
  EXPECT_EQ(state.reason, "Insufficient Data: 3 datapoints were unknown.");
  rule.to_alarm = 3;
  (void)evaluate(rule, state, std::vector<Datapoint>{{1'782'000'720, 1}}, 1'782'000'731);
  EXPECT_EQ(state.reason,
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (21/06/26 00:12:00)] was not greater than the "
            "threshold (5.0) (minimum 3 datapoints for ALARM -> OK transition).");
}

TEST(Alarm, reasons_of_long_windows_fit_their_members) {
  AlarmRule rule = alarm_low({.target = 1000}, Resolution::kHigh, "Maximum");
  AlarmState state{.value = kOk};
  std::vector<Datapoint> points;
  for (std::int64_t time = kNow - 1000; time < kNow; time += 10) points.push_back({.time = time, .value = 123.456789});
  (void)evaluate(rule, state, points, kNow);
  ASSERT_EQ(state.value, kAlarm);
  EXPECT_LE(state.reason.size(), 1023u);
  EXPECT_LE(state.reason_data.size(), 4000u);
}

TEST(Alarm, a_state_that_is_set_lasts_until_the_next_evaluation) {
  AlarmState state{.value = kOk};
  set_state(state, kAlarm, "test", "{}", kNow);
  EXPECT_EQ(state.value, kAlarm);
  EXPECT_EQ(state.transitioned, kNow);
  (void)evaluate({.threshold = 5, .period = 10}, state, points_of("0 0", 10), kNow + 10);
  EXPECT_EQ(state.value, kOk);
}

}  // namespace
}  // namespace zeropull::scaler
