// Lists of metric data queries from a request: as GetMetricData, alarms on metric math and customized target tracking have them.
// Pure.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/series/data_queries.h"

namespace zeropull::api {

// Of a Metric, or anything that has a Namespace, a MetricName and Dimensions. kInvalidArgument: a dimension twice.
Result<series::SeriesKey> series_key(const std::string& account, const nlohmann::json& metric);
// kInvalidArgument: not 1, 5, 10, 20, 30 or a multiple of 60.
Result<std::chrono::seconds> check_period(int period);

// `period_default` stands where a MetricStat has no Period of its own. kInvalidArgument, or kFailedPrecondition for a query with
// both a MetricStat and an Expression, or neither.
Result<std::vector<series::DataQuery>> data_queries(const std::string& account, const nlohmann::json& queries,
                                                    std::chrono::seconds period_default = std::chrono::seconds(60));
// What an alarm or a policy may watch: queries that can be evaluated, of which one alone returns data, with one period.
Result<void> check_watched(const std::string& account, const nlohmann::json& queries,
                           std::chrono::seconds period_default = std::chrono::seconds(60));

}  // namespace zeropull::api
