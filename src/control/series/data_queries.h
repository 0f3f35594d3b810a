// A list of metric data queries, as GetMetricData, alarms on metric math and customized target tracking have them: statistics of
// metrics and expressions over them (metric_math.h), evaluated together over one span of time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/series/series.h"

namespace zeropull::series {

struct MetricStat {
  SeriesKey key{};  // its account is that of the caller
  std::chrono::seconds period{60};
  Statistic statistic{};
};

struct DataQuery {
  std::string id{};                              // [a-z][A-Za-z0-9_]*, distinct
  std::optional<MetricStat> stat{};              // this, or
  std::string expression{};                      // this
  std::optional<std::chrono::seconds> period{};  // of an expression that does not take it from its metrics
  std::string label{};                           // "" for the default: the metric's name, the id of an expression
  bool return_data = true;
};

struct DataResult {
  std::string id{};  // SEARCH and METRICS() give several of one id
  std::string label{};
  std::vector<Datapoint> points{};  // oldest first
};

// In the order of the queries; those without return_data are left out. A query may use ids of any other. kInvalidArgument: bad or
// double ids, an id that is not there, a circle, a bad expression (the message names query and place), more than the limits
// allow.
Result<std::vector<DataResult>> evaluate_queries(const Store& store, const std::string& account,
                                                 const std::vector<DataQuery>& queries, WallTime from, WallTime to);
// Whether they could be evaluated at all: for PutMetricAlarm and PutScalingPolicy.
Result<void> check_queries(const std::vector<DataQuery>& queries);

}  // namespace zeropull::series
