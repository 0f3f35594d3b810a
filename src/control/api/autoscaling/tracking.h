// Target tracking policies: what a configuration may say, and the two alarms that it makes (Application Auto Scaling User Guide,
// "How target tracking scaling works"). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/api/autoscaling/resource.h"

namespace zeropull::api::autoscaling {

// kInvalidArgument: a metric of the other dimension, both specifications or none, metric math that cannot be evaluated.
Result<void> check_tracking(const Identity& identity, const nlohmann::json& configuration);
// Whether both follow the same metric: a target has one such policy at most.
bool tracks_same_metric(const nlohmann::json& one, const nlohmann::json& other);

struct TrackingAlarms {
  state::Alarm high, low;
};
// Of a configuration that was checked.
TrackingAlarms tracking_alarms(const Call& call, const state::ScalingPolicy& policy, const nlohmann::json& configuration);

}  // namespace zeropull::api::autoscaling
