// Quotas and ranges of CloudWatch, as its API reference has them.
#pragma once

#include <chrono>
#include <cstddef>

namespace zeropull::api::cloudwatch {

inline constexpr std::size_t kAlarmsPerAccountMax = 5000;
inline constexpr std::size_t kAlarmPageDefault = 50;
inline constexpr std::size_t kActionsMax = 5;
// Period times EvaluationPeriods: a day, or a week of periods of an hour or more.
inline constexpr int kEvaluatedSecondsMax = 86400, kEvaluatedSecondsOfHoursMax = 604800;
inline constexpr int kHour = 3600;
inline constexpr std::size_t kListMetricsPage = 500;
inline constexpr std::size_t kStatisticPointsMax = 1440;  // of GetMetricStatistics
inline constexpr int kDataPointsMax = 100800;             // of a page of GetMetricData
// How far from now the time of a value that is put may lie.
inline constexpr std::chrono::hours kPastMax{14 * 24}, kFutureMax{2};

}  // namespace zeropull::api::cloudwatch
