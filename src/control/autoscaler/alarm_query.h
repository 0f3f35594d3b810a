// What an alarm watches, from the text of its PutMetricAlarm, and the points that it is judged by. Pure but for the store's
// reads.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/scaler/alarm.h"
#include "control/series/data_queries.h"
#include "control/series/series.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

struct AlarmQuery {
  scaler::AlarmRule rule;
  std::string metric;                      // the metric's name; "" of metric math
  std::vector<series::DataQuery> queries;  // one that returns data, and what it is made of
  // Ids of the policies that each state invokes; by AlarmStateValue.
  std::vector<std::string> ok_policies, alarm_policies, insufficient_policies;
  const std::vector<std::string>& policies(scaler::AlarmStateValue value) const;
};

// kInvalidArgument for what the API would not have taken.
Result<AlarmQuery> parse_alarm(const state::Alarm& alarm);
// The points of the alarm's evaluation range at `now`, oldest first.
Result<std::vector<scaler::Datapoint>> alarm_points(const series::Store& metrics, const std::string& account,
                                                    const AlarmQuery& query, std::int64_t now);
// The datapoints that a caller gave to SetAlarmState with its reason, newest first; empty where there are none.
std::vector<scaler::Datapoint> told_datapoints(const std::string& reason_data, std::int64_t now);

}  // namespace zeropull::autoscaler
