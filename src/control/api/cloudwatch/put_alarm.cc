#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/cloudwatch/limits.h"
#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/metric_queries.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

constexpr std::array<const char*, 3> kActionLists{"OKActions", "AlarmActions", "InsufficientDataActions"};
constexpr std::array<const char*, 7> kSingleMetric{"MetricName", "Namespace", "Statistic", "ExtendedStatistic",
                                                   "Dimensions", "Period",    "Unit"};

Error combination(std::string_view text) { return make_error(Code::kFailedPrecondition, "{}", text); }

Result<void> check_actions(const Call& call) {
  for (const auto* list : kActionLists) {
    if (!has(call.input, list)) continue;
    for (const auto& given : call.input[list]) {
      const auto& action = given.get_ref<const std::string&>();
      auto parsed = state::parse_policy_action(action);
      if (!parsed) {
        return make_error(Code::kInvalidArgument,
                          "{}: {} is not supported by Zeropull: an alarm invokes scaling policies and nothing else.", list,
                          action);
      }
      if (parsed->account != call.account || parsed->region != call.parts.region) {
        return make_error(Code::kInvalidArgument, "{}: {} is not a scaling policy of this account and region.", list, action);
      }
    }
  }
  return {};
}

// The period, in seconds, of an alarm on one metric.
Result<int> check_metric(const Call& call) {
  const auto& input = call.input;
  if (!has(input, "MetricName") || !has(input, "Namespace") || !has(input, "Period")) {
    return combination("An alarm on a metric needs MetricName, Namespace and Period; one on metric math needs Metrics.");
  }
  if (has(input, "Statistic") == has(input, "ExtendedStatistic")) {
    return combination("An alarm on a metric needs either Statistic or ExtendedStatistic.");
  }
  if (has(input, "ExtendedStatistic")) {
    auto statistic = TRY(series::parse_statistic(text_or(input, "ExtendedStatistic")));
    if (statistic.kind != series::Statistic::Kind::kPercentile) {
      return make_error(Code::kInvalidArgument, "The value {} for parameter ExtendedStatistic is not a percentile.",
                        text_or(input, "ExtendedStatistic"));
    }
  } else if (has(input, "EvaluateLowSampleCountPercentile")) {
    return combination("EvaluateLowSampleCountPercentile belongs to alarms on percentiles.");
  }
  auto key = TRY(series_key(call.account, input));
  TRY(series::canonical(key));
  return int_or(input, "Period", 0);
}

// The period of an alarm on metric math.
Result<int> check_math(const Call& call) {
  for (const auto* member : kSingleMetric) {
    if (has(call.input, member)) return combination(fmt::format("An alarm has either Metrics or {}.", member));
  }
  if (has(call.input, "EvaluateLowSampleCountPercentile")) {
    return combination("EvaluateLowSampleCountPercentile belongs to alarms on percentiles.");
  }
  TRY(check_watched(call.account, call.input["Metrics"]));
  auto queries = TRY(data_queries(call.account, call.input["Metrics"]));
  for (const auto& query : queries) {
    if (query.stat) return static_cast<int>(query.stat->period.count());
    if (query.period) return static_cast<int>(query.period->count());
  }
  return make_error(Code::kInvalidArgument, "Metrics list must have a Period.");
}

Result<void> check_evaluation(const json& input, int period) {
  if (period != 10 && period != 20 && period != 30 && period % 60 != 0) {
    return make_error(Code::kInvalidArgument, "Period must be 10, 20, 30 or a multiple of 60.");
  }
  for (const auto* member : {"EvaluationPeriods", "Threshold", "ComparisonOperator"}) {
    if (!has(input, member)) return combination(fmt::format("The parameter {} is required.", member));
  }
  int periods = int_or(input, "EvaluationPeriods", 1);
  if (int_or(input, "DatapointsToAlarm", periods) > periods) {
    return make_error(Code::kInvalidArgument, "DatapointsToAlarm must be less than or equal to EvaluationPeriods.");
  }
  auto seconds = static_cast<std::int64_t>(period) * periods;
  int most = period < kHour ? kEvaluatedSecondsMax : kEvaluatedSecondsOfHoursMax;
  if (seconds > most) {
    return make_error(Code::kInvalidArgument,
                      "Metrics cannot be checked across more than {} seconds (EvaluationPeriods * Period = {}).", most, seconds);
  }
  return {};
}

// As Describe gives it back: with the lists that it always has.
std::string alarm_body(const json& input) {
  auto body = input;
  body.erase("Tags");
  body.erase("ActionsEnabled");
  for (const auto* list : kActionLists) body.emplace(list, json::array());
  if (has(body, "MetricName")) body.emplace("Dimensions", json::array());
  body.emplace("TreatMissingData", "missing");
  if (has(body, "Metrics")) {
    for (auto& query : body["Metrics"]) query.emplace("ReturnData", true);
  }
  return codec::json_text(body);
}

}  // namespace

// An alarm that is put again keeps its state and tags; its configuration is replaced whole.
Result<json> put_metric_alarm(const Call& call) {
  auto name = text_or(call.input, "AlarmName");
  TRY(check_actions(call));
  bool math = has(call.input, "Metrics");
  int period = TRY(math ? check_math(call) : check_metric(call));
  TRY(check_evaluation(call.input, period));
  auto tags = TRY(tags_of(call.input));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto was = view.alarm(call.named(name));
    state::Alarm next;
    if (was != nullptr) {
      if (!was->policy_id.empty()) {
        return make_error(Code::kAlreadyExists, "The alarm {} belongs to a target tracking policy; change the policy.", name);
      }
      next = *was;
    } else {
      next.account = call.account;
      next.name = name;
      next.created = call.now;
      next.status.updated = next.status.transitioned = call.now / 1000;
      next.tags = tags;
      if (view.alarms(call.account).size() >= kAlarmsPerAccountMax) {
        return make_error(Code::kResourceExhausted, "The account has {} alarms; delete some first.", kAlarmsPerAccountMax);
      }
    }
    if (was != nullptr && has(call.input, "Tags")) {
      return make_error(Code::kInvalidArgument, "The alarm {} exists already; use TagResource to tag it.", name);
    }
    next.body = alarm_body(call.input);
    next.actions_enabled = bool_or(call.input, "ActionsEnabled", true);
    next.configured = call.now;
    Changes changes;
    changes.put_or_add(was, std::move(next));
    return changes;
  }));
  return json(nullptr);
}

}  // namespace zeropull::api::cloudwatch
