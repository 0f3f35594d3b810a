#include "control/api/metric_queries.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/input.h"

namespace zeropull::api {

using nlohmann::json;

namespace {

constexpr std::size_t kWatchedMetricsMax = 10;  // PutMetricAlarm's

Result<series::DataQuery> data_query(const std::string& account, const json& given, std::chrono::seconds period_default) {
  series::DataQuery query;
  query.id = text_or(given, "Id");
  query.expression = text_or(given, "Expression");
  query.label = text_or(given, "Label");
  query.return_data = bool_or(given, "ReturnData", true);
  if (has(given, "MetricStat") == !query.expression.empty()) {
    return make_error(Code::kFailedPrecondition, "The query \"{}\" needs either a MetricStat or an Expression.", query.id);
  }
  if (query.label.find("${") != std::string::npos) {
    return make_error(Code::kInvalidArgument, "The label of the query \"{}\" is dynamic, which is not supported by Zeropull.",
                      query.id);
  }
  if (has(given, "Period")) {
    if (query.expression.empty()) {
      return make_error(Code::kFailedPrecondition, "The Period of the query \"{}\" belongs into its MetricStat.", query.id);
    }
    query.period = TRY(check_period(int_or(given, "Period", 60)));
  }
  if (!query.expression.empty()) return query;
  const auto& stat = given["MetricStat"];
  series::MetricStat metric;
  metric.key = TRY(series_key(account, stat["Metric"]));
  metric.period = TRY(check_period(int_or(stat, "Period", static_cast<int>(period_default.count()))));
  metric.statistic = TRY(series::parse_statistic(text_or(stat, "Stat")));
  query.stat = std::move(metric);
  return query;
}

}  // namespace

Result<series::SeriesKey> series_key(const std::string& account, const json& metric) {
  series::SeriesKey key;
  key.account = account;
  key.name_space = text_or(metric, "Namespace");
  key.metric = text_or(metric, "MetricName");
  if (has(metric, "Dimensions")) {
    for (const auto& dimension : metric["Dimensions"]) {
      auto name = text_or(dimension, "Name");
      if (!key.dimensions.emplace(name, text_or(dimension, "Value")).second) {
        return make_error(Code::kInvalidArgument, "The dimension \"{}\" was given twice.", name);
      }
    }
  }
  return key;
}

Result<std::chrono::seconds> check_period(int period) {
  constexpr std::array kShort{1, 5, 10, 20, 30};
  if (std::ranges::find(kShort, period) == kShort.end() && period % 60 != 0) {
    return make_error(Code::kInvalidArgument,
                      "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60 seconds; {} is none.", period);
  }
  return std::chrono::seconds(period);
}

Result<std::vector<series::DataQuery>> data_queries(const std::string& account, const json& queries,
                                                    std::chrono::seconds period_default) {
  std::vector<series::DataQuery> parsed;
  for (const auto& given : queries) {
    auto query = TRY(data_query(account, given, period_default));
    parsed.push_back(std::move(query));
  }
  return parsed;
}

Result<void> check_watched(const std::string& account, const json& queries, std::chrono::seconds period_default) {
  auto parsed = TRY(data_queries(account, queries, period_default));
  std::set<std::chrono::seconds> periods;
  std::size_t metrics = 0;
  for (const auto& query : parsed) {
    if (query.stat) periods.insert(query.stat->period);
    if (query.period) periods.insert(*query.period);
    if (query.stat) ++metrics;
  }
  if (std::ranges::count_if(parsed, &series::DataQuery::return_data) != 1) {
    return make_error(Code::kInvalidArgument, "Exactly one element of the metrics list must have ReturnData true.");
  }
  if (periods.size() > 1) return make_error(Code::kInvalidArgument, "Metrics list must contain queries of one period.");
  if (metrics > kWatchedMetricsMax) {
    return make_error(Code::kInvalidArgument, "Metrics list has {} metrics; at most {} are allowed.", metrics,
                      kWatchedMetricsMax);
  }
  return series::check_queries(parsed);
}

}  // namespace zeropull::api
