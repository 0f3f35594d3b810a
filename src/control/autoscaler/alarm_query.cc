#include "control/autoscaler/alarm_query.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/autoscaler/limits.h"
#include "control/autoscaler/stored_body.h"
#include "control/state/scaling_names.h"

namespace zeropull::autoscaler {

using nlohmann::json;

namespace {

double number_at(const json& value, const char* at, double otherwise) {
  const auto* found = codec::json_find(value, at);
  return found != nullptr && found->is_number() ? found->get<double>() : otherwise;
}

scaler::Comparison comparison_of(const std::string& name) {
  using enum scaler::Comparison;
  for (auto one : {kGreater, kGreaterOrEqual, kLess, kLessOrEqual}) {
    if (scaler::comparison_name(one) == name) return one;
  }
  return kGreater;
}

scaler::MissingData missing_of(const std::string& name) {
  if (name == "breaching") return scaler::MissingData::kBreaching;
  if (name == "notBreaching") return scaler::MissingData::kNotBreaching;
  return name == "ignore" ? scaler::MissingData::kIgnore : scaler::MissingData::kMissing;
}

series::SeriesKey key_of_metric(const json& metric, const std::string& account) {
  series::SeriesKey key{
      .account = account, .name_space = text_at(metric, "Namespace"), .metric = text_at(metric, "MetricName"), .dimensions = {}};
  const auto* dimensions = codec::json_find(metric, "Dimensions");
  if (dimensions == nullptr || !dimensions->is_array()) return key;
  for (const auto& one : *dimensions) key.dimensions[text_at(one, "Name")] = text_at(one, "Value");
  return key;
}

std::chrono::seconds period_of(const json& value, const char* at) {
  return std::chrono::seconds(static_cast<std::int64_t>(number_at(value, at, 60)));
}

Result<series::DataQuery> query_of(const json& one, const std::string& account) {
  series::DataQuery query;
  query.id = text_at(one, "Id");
  query.expression = text_at(one, "Expression");
  const auto* returns = codec::json_find(one, "ReturnData");
  query.return_data = returns == nullptr || !returns->is_boolean() || returns->get<bool>();
  if (codec::json_find(one, "Period") != nullptr) query.period = period_of(one, "Period");
  const auto* stat = codec::json_find(one, "MetricStat");
  if (stat == nullptr) return query;
  const auto* metric = TRY(codec::json_object(*stat, "Metric"));
  auto statistic = TRY(series::parse_statistic(text_at(*stat, "Stat")));
  query.stat =
      series::MetricStat{.key = key_of_metric(*metric, account), .period = period_of(*stat, "Period"), .statistic = statistic};
  return query;
}

std::vector<std::string> policies_of(const json& body, const char* member) {
  std::vector<std::string> ids;
  const auto* actions = codec::json_find(body, member);
  if (actions == nullptr || !actions->is_array()) return ids;
  for (const auto& action : *actions) {
    if (!action.is_string()) continue;
    auto parsed = state::parse_policy_action(action.get_ref<const std::string&>());  // whose parts are views of it
    if (parsed) ids.emplace_back(parsed->policy_id);
  }
  return ids;
}

// The alarm's period: its own, or the longest of what its math is made of.
std::int64_t longest_period(const AlarmQuery& query) {
  std::chrono::seconds longest{0};
  for (const auto& one : query.queries) {
    if (one.stat) longest = std::max(longest, one.stat->period);
    if (one.return_data && one.period) return one.period->count();
  }
  return std::max<std::int64_t>(longest.count(), 1);
}

}  // namespace

const std::vector<std::string>& AlarmQuery::policies(scaler::AlarmStateValue value) const {
  if (value == scaler::AlarmStateValue::kAlarm) return alarm_policies;
  return value == scaler::AlarmStateValue::kOk ? ok_policies : insufficient_policies;
}

Result<AlarmQuery> parse_alarm(const state::Alarm& alarm) {
  auto body = TRY(codec::parse_json(alarm.body, {.size_max = kBodyMax}).with_context("alarm {}", alarm.name));
  AlarmQuery query;
  const auto* metrics = TRY(codec::json_optional_array(body, "Metrics").with_context("alarm {}", alarm.name));
  if (metrics != nullptr && !metrics->empty()) {
    for (const auto& one : *metrics) {
      auto parsed = TRY(query_of(one, alarm.account).with_context("alarm {}", alarm.name));
      query.queries.push_back(std::move(parsed));
    }
    query.rule.statistic = "Expression";
  } else {
    query.metric = text_at(body, "MetricName");
    auto name = text_at(body, "Statistic");
    if (name.empty()) name = text_at(body, "ExtendedStatistic");
    auto statistic = TRY(series::parse_statistic(name).with_context("alarm {}", alarm.name));
    series::DataQuery one;
    one.id = "m1";
    one.stat = series::MetricStat{
        .key = key_of_metric(body, alarm.account), .period = period_of(body, "Period"), .statistic = statistic};
    query.queries.push_back(std::move(one));
    query.rule.statistic = name;
  }
  query.rule.period = longest_period(query);
  query.rule.comparison = comparison_of(text_at(body, "ComparisonOperator"));
  query.rule.threshold = number_at(body, "Threshold", 0);
  query.rule.periods = static_cast<int>(number_at(body, "EvaluationPeriods", 1));
  query.rule.to_alarm = static_cast<int>(number_at(body, "DatapointsToAlarm", 0));
  query.rule.missing = missing_of(text_at(body, "TreatMissingData"));
  query.ok_policies = policies_of(body, "OKActions");
  query.alarm_policies = policies_of(body, "AlarmActions");
  query.insufficient_policies = policies_of(body, "InsufficientDataActions");
  return query;
}

Result<std::vector<scaler::Datapoint>> alarm_points(const series::Store& metrics, const std::string& account,
                                                    const AlarmQuery& query, std::int64_t now) {
  auto range = scaler::evaluation_range(query.rule, now);
  WallTime from{std::chrono::seconds(range.from)}, to{std::chrono::seconds(range.to)};
  std::vector<series::Datapoint> found;
  if (query.queries.size() == 1 && query.queries[0].stat) {
    const auto& stat = *query.queries[0].stat;
    found = TRY(metrics.get(stat.key, stat.statistic, stat.period, from, to));
  } else {
    auto results = TRY(series::evaluate_queries(metrics, account, query.queries, from, to));
    if (!results.empty()) found = std::move(results.front().points);
  }
  std::vector<scaler::Datapoint> points;
  points.reserve(found.size());
  for (const auto& one : found) {
    points.push_back({.time = std::chrono::floor<std::chrono::seconds>(one.at.time_since_epoch()).count(), .value = one.value});
  }
  return points;
}

std::vector<scaler::Datapoint> told_datapoints(const std::string& reason_data, std::int64_t now) {
  std::vector<scaler::Datapoint> points;
  auto data = codec::parse_json(reason_data, {.size_max = kBodyMax});
  if (!data.ok()) return points;
  const auto* recent = codec::json_find(*data, "recentDatapoints");
  if (recent == nullptr || !recent->is_array()) return points;
  for (const auto& value : *recent) {
    if (value.is_number()) points.push_back({.time = now, .value = value.get<double>()});
  }
  std::ranges::reverse(points);
  return points;
}

}  // namespace zeropull::autoscaler
