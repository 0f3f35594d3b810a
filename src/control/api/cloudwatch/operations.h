// Operations of CloudWatch; see ../operations.h. Alarms are records, which the autoscaler evaluates; metrics are read from and
// written to the store of series.
#pragma once

#include "control/api/operations.h"

namespace zeropull::api::cloudwatch {

// put_metric_data.cc
Result<nlohmann::json> put_metric_data(const Call& call);
// get_metrics.cc
Result<nlohmann::json> get_metric_data(const Call& call);
Result<nlohmann::json> get_metric_statistics(const Call& call);
Result<nlohmann::json> list_metrics(const Call& call);
// put_alarm.cc
Result<nlohmann::json> put_metric_alarm(const Call& call);
// describe_alarms.cc
Result<nlohmann::json> describe_alarms(const Call& call);
Result<nlohmann::json> describe_alarms_for_metric(const Call& call);
// change_alarms.cc
Result<nlohmann::json> delete_alarms(const Call& call);
Result<nlohmann::json> set_alarm_state(const Call& call);
Result<nlohmann::json> enable_alarm_actions(const Call& call);
Result<nlohmann::json> disable_alarm_actions(const Call& call);
// alarm_tags.cc
Result<nlohmann::json> tag_alarm(const Call& call);
Result<nlohmann::json> untag_alarm(const Call& call);
Result<nlohmann::json> list_alarm_tags(const Call& call);

}  // namespace zeropull::api::cloudwatch
