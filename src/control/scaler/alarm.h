// A CloudWatch metric alarm as a pure state machine: M of N periods, missing data by the evaluation range, actions on change and,
// for Auto Scaling actions, once a minute while the state lasts. Follows the CloudWatch User Guide, "Evaluating an alarm" and
// "Alarm actions". The caller fetches the points and evaluates once in each period; times are seconds since the epoch.
//
// A clock that jumped back leaves points of an older time in the way: they are not looked at until their time comes again. One
// that jumped forward, or a process that was away, leaves periods without points behind: where these would count as breaching,
// the state stays until as many periods as the rule has have been looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zeropull::scaler {

enum class Comparison { kGreater, kGreaterOrEqual, kLess, kLessOrEqual };
enum class MissingData { kMissing, kIgnore, kBreaching, kNotBreaching };
enum class AlarmStateValue { kOk, kAlarm, kInsufficientData };

// "GreaterThanThreshold", "INSUFFICIENT_DATA": the API's words.
std::string_view comparison_name(Comparison comparison);
std::string_view state_name(AlarmStateValue value);

struct AlarmRule {
  Comparison comparison = Comparison::kGreater;
  double threshold = 0;
  std::int64_t period = 60;  // seconds
  int periods = 1;           // N, EvaluationPeriods
  int to_alarm = 0;          // M, DatapointsToAlarm; 0: N, and not said in texts
  MissingData missing = MissingData::kMissing;
  std::string statistic = "Average";  // for StateReasonData
};

// Of the period that begins at `time`, which is a multiple of the period. A period without a point is missing.
struct Datapoint {
  std::int64_t time = 0;
  double value = 0;
};

struct AlarmState {
  AlarmStateValue value = AlarmStateValue::kInsufficientData;
  std::string reason = "Unchecked: Initial alarm creation";
  std::string reason_data = {};
  std::int64_t updated = 0, transitioned = 0;
  std::int64_t evaluated = 0;    // 0: never
  std::int64_t known_since = 0;  // points before belong to a time that a clock's jump took back
  std::int64_t acted = 0;        // when Auto Scaling actions ran last in this state; 0: not yet
  std::int64_t blind_until = 0;  // nobody looked for a while: until then missing data may be ours and breaches nothing
};

// What evaluate() saw and what has to be done.
struct AlarmEvaluation {
  bool changed = false;               // notify; run the actions of the new state
  bool scaling_actions = false;       // run Auto Scaling actions of the state: it changed, or a minute has passed
  std::vector<Datapoint> datapoints;  // those that decided, newest first; step scaling aggregates them
};

// The time range [from, to) of the points that an evaluation at `now` looks at.
struct PointRange {
  std::int64_t from = 0, to = 0;
};
PointRange evaluation_range(const AlarmRule& rule, std::int64_t now);

// `points` in order of time; those outside the range are ignored.
AlarmEvaluation evaluate(const AlarmRule& rule, AlarmState& state, std::span<const Datapoint> points, std::int64_t now);

// SetAlarmState: the state until the next evaluation. `scaling_actions` only if the data carries datapoints.
void set_state(AlarmState& state, AlarmStateValue value, std::string reason, std::string reason_data, std::int64_t now);

}  // namespace zeropull::scaler
