#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/cloudwatch/limits.h"
#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/key_pages.h"
#include "control/api/metric_queries.h"
#include "control/scaler/alarm.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;

namespace {

std::string_view state_text(state::AlarmValue value) {
  return scaler::state_name(static_cast<scaler::AlarmStateValue>(value));  // they have one order
}

json shown(const Call& call, const state::Alarm& alarm) {
  auto answer = parse_body(alarm.body);
  answer["AlarmArn"] = state::alarm_arn(call.parts.region, alarm);
  answer["ActionsEnabled"] = alarm.actions_enabled;
  answer["StateValue"] = state_text(alarm.status.value);
  answer["StateReason"] = alarm.status.reason;
  if (!alarm.status.reason_data.empty()) answer["StateReasonData"] = alarm.status.reason_data;
  answer["StateUpdatedTimestamp"] = alarm.status.updated;
  answer["StateTransitionedTimestamp"] = alarm.status.transitioned;
  answer["AlarmConfigurationUpdatedTimestamp"] = seconds_of(alarm.configured);
  return answer;
}

bool has_action(const state::Alarm& alarm, const std::string& prefix) {
  auto body = parse_body(alarm.body);
  for (const auto* list : {"OKActions", "AlarmActions", "InsufficientDataActions"}) {
    if (!has(body, list)) continue;
    for (const auto& action : body[list]) {
      if (action.get_ref<const std::string&>().starts_with(prefix)) return true;
    }
  }
  return false;
}

// The account's alarms that the request names, in order of names.
Result<state::List<state::Alarm>> selected(const Call& call) {
  if (has(call.input, "AlarmNames") && has(call.input, "AlarmNamePrefix")) {
    return make_error(Code::kFailedPrecondition, "AlarmNames and AlarmNamePrefix cannot both be given.");
  }
  auto view = call.state().view();
  if (!has(call.input, "AlarmNames")) return view.alarms(call.account, text_or(call.input, "AlarmNamePrefix"));
  state::List<state::Alarm> alarms;
  for (const auto& name : call.input["AlarmNames"].get<std::set<std::string>>()) {
    if (auto alarm = view.alarm(call.named(name))) alarms.push_back(std::move(alarm));
  }
  std::ranges::sort(alarms, {}, [](const auto& alarm) { return state::key_of(static_cast<const state::Alarm&>(*alarm)); });
  return alarms;
}

bool wants_type(const json& input, std::string_view type) {
  if (!has(input, "AlarmTypes")) return type == "MetricAlarm";
  const auto& types = input["AlarmTypes"];
  return std::ranges::find(types, json(type)) != types.end();
}

// Whether the alarm watches what a DescribeAlarmsForMetric asks for, as itself or within metric math.
bool watches(const json& body, const json& asked, const series::SeriesKey& key) {
  auto is_it = [&](const json& metric) {
    auto watched = series_key(key.account, metric);
    return watched.ok() && *watched == key;
  };
  if (!has(body, "Metrics")) {
    for (const auto* member : {"Statistic", "ExtendedStatistic", "Period", "Unit"}) {
      if (has(asked, member) && (!has(body, member) || body[member] != asked[member])) return false;
    }
    return is_it(body);
  }
  return std::ranges::any_of(body["Metrics"], [&](const json& query) {
    if (!has(query, "MetricStat") || !is_it(query["MetricStat"]["Metric"])) return false;
    const auto& stat = query["MetricStat"];
    auto statistic = text_or(asked, "Statistic", text_or(asked, "ExtendedStatistic"));
    return (statistic.empty() || stat["Stat"] == statistic) && (!has(asked, "Period") || stat["Period"] == asked["Period"]) &&
           !has(asked, "Unit");
  });
}

}  // namespace

Result<json> describe_alarms(const Call& call) {
  auto alarms = TRY(selected(call));
  auto state = text_or(call.input, "StateValue");
  auto action = text_or(call.input, "ActionPrefix");
  if (!wants_type(call.input, "MetricAlarm")) alarms.clear();
  std::erase_if(alarms, [&](const auto& alarm) {
    return (!state.empty() && state_text(alarm->status.value) != state) || (!action.empty() && !has_action(*alarm, action));
  });
  std::vector<std::string> keys;
  for (const auto& alarm : alarms) keys.push_back(state::key_of(static_cast<const state::Alarm&>(*alarm)));
  auto size = static_cast<std::size_t>(int_or(call.input, "MaxRecords", kAlarmPageDefault));
  auto page = TRY(select_keys("MetricAlarms", keys, text_or(call.input, "NextToken"), size));
  json answer{{"MetricAlarms", json::array()}, {"CompositeAlarms", json::array()}};
  for (auto i = page.begin; i < page.end; ++i) answer["MetricAlarms"].push_back(shown(call, *alarms[i]));
  if (wants_type(call.input, "LogAlarm")) answer["LogAlarms"] = json::array();
  if (!page.next_token.empty()) answer["NextToken"] = page.next_token;
  return answer;
}

Result<json> describe_alarms_for_metric(const Call& call) {
  auto key = TRY(series_key(call.account, call.input));
  json answer{{"MetricAlarms", json::array()}};
  for (const auto& alarm : call.state().view().alarms(call.account)) {
    if (watches(parse_body(alarm->body), call.input, key)) answer["MetricAlarms"].push_back(shown(call, *alarm));
  }
  return answer;
}

}  // namespace zeropull::api::cloudwatch
