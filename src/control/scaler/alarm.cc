#include "control/scaler/alarm.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/scaler/limits.h"
#include "control/scaler/time_zone.h"

namespace zeropull::scaler {

namespace {

bool breaches(const AlarmRule& rule, double value) {
  switch (rule.comparison) {
    case Comparison::kGreater: return value > rule.threshold;
    case Comparison::kGreaterOrEqual: return value >= rule.threshold;
    case Comparison::kLess: return value < rule.threshold;
    case Comparison::kLessOrEqual: return value <= rule.threshold;
  }
  return false;
}

int needed(const AlarmRule& rule) { return rule.to_alarm > 0 ? rule.to_alarm : rule.periods; }

// "7.0", as AWS writes every number.
std::string number(double value) {
  auto text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string short_date(std::int64_t time) {
  auto at = local_time_of(time);
  return fmt::format("{:02}/{:02}/{:02} {:02}:{:02}:{:02}", at.day, at.month, at.year % 100, at.hour, at.minute, at.second);
}

std::string long_date(std::int64_t time) {
  auto at = local_time_of(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000+0000", at.year, at.month, at.day, at.hour, at.minute, at.second);
}

std::string_view comparison_words(Comparison comparison) {
  switch (comparison) {
    case Comparison::kGreater: return "greater than";
    case Comparison::kGreaterOrEqual: return "greater than or equal to";
    case Comparison::kLess: return "less than";
    case Comparison::kLessOrEqual: return "less than or equal to";
  }
  return "";
}

std::string list(std::span<const Datapoint> points) {
  std::vector<std::string> texts;
  for (const auto& point : points) texts.push_back(fmt::format("{} ({})", number(point.value), short_date(point.time)));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

// `points` newest first.
std::string reason_of(const AlarmRule& rule, AlarmStateValue value, std::span<const Datapoint> points) {
  auto plural = [](std::size_t n) { return n == 1 ? "datapoint" : "datapoints"; };
  if (value == AlarmStateValue::kInsufficientData) {
    auto n = static_cast<std::size_t>(rule.periods);
    return fmt::format("Insufficient Data: {} {} {} unknown.", n, plural(n), n == 1 ? "was" : "were");
  }
  if (points.empty())
    return fmt::format("Threshold Crossed: no datapoints were received for {} {}, and missing data counts.", rule.periods,
                       rule.periods == 1 ? "period" : "periods");
  bool alarm = value == AlarmStateValue::kAlarm;
  std::vector<Datapoint> named;  // those that the sentence is true of
  for (const auto& point : points) {
    if (breaches(rule, point.value) == alarm) named.push_back(point);
  }
  auto was = fmt::format("{} {}{} the threshold ({})", named.size() == 1 ? "was" : "were", alarm ? "" : "not ",
                         comparison_words(rule.comparison), number(rule.threshold));
  if (named.size() > kReasonPointsMax) {
    return fmt::format("Threshold Crossed: {} datapoints {}. The most recent datapoints which crossed the threshold: {}.",
                       named.size(), was, list(std::span(named).first(kReasonPointsMax)));
  }
  if (rule.to_alarm == 0)
    return fmt::format("Threshold Crossed: {} {} {} {}.", named.size(), plural(named.size()), list(named), was);
  return fmt::format("Threshold Crossed: {} out of the last {} datapoints {} {} (minimum {} {} for {}).", named.size(),
                     rule.periods, list(named), was, rule.to_alarm, plural(static_cast<std::size_t>(rule.to_alarm)),
                     alarm ? "OK -> ALARM transition" : "ALARM -> OK transition");
}

std::string data_of(const AlarmRule& rule, std::span<const Datapoint> points, std::int64_t now) {
  std::vector<std::string> recent, evaluated;
  for (const auto& point : points) {
    recent.insert(recent.begin(), number(point.value));
    if (evaluated.size() == kReasonPointsMax) continue;
    evaluated.push_back(
        fmt::format(R"({{"timestamp":"{}","sampleCount":1.0,"value":{}}})", long_date(point.time), number(point.value)));
  }
  std::string start = points.empty() ? "" : fmt::format(R"("startDate":"{}",)", long_date(points.back().time));
  return fmt::format(
      R"({{"version":"1.0","queryDate":"{}",{}"statistic":"{}","period":{},"recentDatapoints":[{}],"threshold":{},)"
      R"("evaluatedDatapoints":[{}]}})",
      long_date(now), start, rule.statistic, rule.period, fmt::join(recent, ","), number(rule.threshold),
      fmt::join(evaluated, ","));
}

// The real points of the range, newest first, and how many periods ago the oldest is (1: the newest period).
struct Seen {
  std::vector<Datapoint> points;
  int breaching = 0;
  std::int64_t oldest_age = 0;
};

AlarmStateValue judge(const AlarmRule& rule, MissingData absent, AlarmStateValue before, const Seen& seen) {
  using enum AlarmStateValue;
  const int real = static_cast<int>(seen.points.size());
  const int missing = rule.periods - real;
  const int enough = needed(rule);
  if (seen.breaching >= enough) return kAlarm;
  if (missing <= 0) return kOk;
  switch (absent) {
    case MissingData::kBreaching: return seen.breaching + missing >= enough ? kAlarm : kOk;
    case MissingData::kNotBreaching: return kOk;
    case MissingData::kIgnore: return seen.breaching + missing >= enough ? before : kOk;
    case MissingData::kMissing:
      if (real == 0) return kInsufficientData;
      return seen.breaching == real && seen.oldest_age >= enough ? kAlarm : kOk;
  }
  return before;
}

}  // namespace

std::string_view comparison_name(Comparison comparison) {
  switch (comparison) {
    case Comparison::kGreater: return "GreaterThanThreshold";
    case Comparison::kGreaterOrEqual: return "GreaterThanOrEqualToThreshold";
    case Comparison::kLess: return "LessThanThreshold";
    case Comparison::kLessOrEqual: return "LessThanOrEqualToThreshold";
  }
  return "";
}

std::string_view state_name(AlarmStateValue value) {
  switch (value) {
    case AlarmStateValue::kOk: return "OK";
    case AlarmStateValue::kAlarm: return "ALARM";
    case AlarmStateValue::kInsufficientData: return "INSUFFICIENT_DATA";
  }
  return "";
}

PointRange evaluation_range(const AlarmRule& rule, std::int64_t now) {
  auto to = now - now % rule.period;
  return {.from = to - (rule.periods + kEvaluationExtra) * rule.period, .to = to};
}

AlarmEvaluation evaluate(const AlarmRule& rule, AlarmState& state, std::span<const Datapoint> points, std::int64_t now) {
  if (now < state.evaluated) {
    state.known_since = now;
    state.acted = std::min(state.acted, now);
  }
  const bool away = state.evaluated != 0 && now - state.evaluated > std::max<std::int64_t>(kUnseenMax.count(), 2 * rule.period);
  if (away || now < state.evaluated) {
    state.blind_until = now + rule.periods * rule.period;
  }
  state.evaluated = now;
  auto range = evaluation_range(rule, now);
  Seen seen;
  for (auto point = points.rbegin(); point != points.rend() && std::ssize(seen.points) < rule.periods; ++point) {
    if (point->time >= range.to || point->time < std::max(range.from, state.known_since)) continue;
    seen.points.push_back(*point);
    if (breaches(rule, point->value)) ++seen.breaching;
    seen.oldest_age = (range.to - point->time) / rule.period;
  }
  const bool blind = now < state.blind_until && rule.missing == MissingData::kBreaching;
  auto value = judge(rule, blind ? MissingData::kIgnore : rule.missing, state.value, seen);
  AlarmEvaluation result;
  result.changed = value != state.value;
  if (result.changed) {
    state.value = value;
    state.reason = reason_of(rule, value, seen.points);
    state.reason_data = data_of(rule, seen.points, now);
    state.updated = state.transitioned = now;
  }
  result.scaling_actions = result.changed || now - state.acted >= kActionRepeat.count();
  if (result.scaling_actions) state.acted = now;
  result.datapoints = std::move(seen.points);
  return result;
}

void set_state(AlarmState& state, AlarmStateValue value, std::string reason, std::string reason_data, std::int64_t now) {
  if (value != state.value) state.transitioned = now;
  state.value = value;
  state.reason = std::move(reason);
  state.reason_data = std::move(reason_data);
  state.updated = now;
  state.acted = now;
}

}  // namespace zeropull::scaler
