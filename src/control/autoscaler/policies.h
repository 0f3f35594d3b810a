// Policies and schedules as this room uses them, parsed from the texts that the API has checked and kept. Pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/scaler/schedule.h"
#include "control/scaler/step_scaling.h"
#include "control/scaler/target_tracking.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

// Who sees the demand of a target tracking policy: control/scaler's detector, or AWS's alarms.
enum class Detector { kOwn, kAws };
std::string_view detector_name(Detector detector);  // "own", "aws"

// Tags of an endpoint (or of one inference component, which win).
inline constexpr const char* kDetectorTag = "zeropull:detector";                // "own", "aws"
inline constexpr const char* kScaleInTag = "zeropull:scale-in-window-seconds";  // 30 to 86,400; of our own detector

struct TrackingPolicy {
  scaler::TargetTracking tracking;
  std::string predefined;  // PredefinedMetricType; "" for a customized metric
  bool high_resolution = false;
  bool per_minute = false;  // its target is invocations a minute, not requests at once
};
Result<TrackingPolicy> parse_tracking(const state::ScalingPolicy& policy);
Result<scaler::StepScaling> parse_step(const state::ScalingPolicy& policy);

// The tag's value; "" where none says anything.
std::string tag_of(const state::Endpoint& endpoint, const state::Component* component, const char* tag);
// `tag`: the value of kDetectorTag. A customized metric is nothing that the router sees.
Detector detector_of(const TrackingPolicy& policy, const std::string& tag);
// The first of the target's policies, by name, that our own detector serves; none: AWS's alarms serve them all.
struct OwnPolicy {
  state::Ptr<state::ScalingPolicy> record;
  TrackingPolicy parsed;
};
std::optional<OwnPolicy> own_policy(const state::List<state::ScalingPolicy>& policies, const std::string& tag);

struct Scheduled {
  scaler::Schedule schedule;
  scaler::TimeZone zone;
  std::optional<int> capacity_min, capacity_max;
};
Result<Scheduled> parse_scheduled(const state::ScheduledAction& action);

}  // namespace zeropull::autoscaler
