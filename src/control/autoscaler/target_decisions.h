// What becomes of one scalable target now: the functions that turn what is known of it into a Decision or none. Each stands for
// one reason to scale: bounds, our own detector, a request that waits for a target at zero, AWS's alarms. Pure but for the
// detector's memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/autoscaler/alarm_watch.h"
#include "control/autoscaler/decisions.h"
#include "control/autoscaler/loads.h"
#include "control/autoscaler/start_times.h"
#include "control/scaler/detector.h"

namespace zeropull::autoscaler {

// As the server's operator configures it.
struct ScalingSettings {
  Duration false_alarm_time = std::chrono::hours(24);  // mean time between two needless scale-outs of a target under steady load
  Duration scale_in_window = std::chrono::minutes(3);  // of our own detector, where no tag says another
};

// All that is known of a target at one moment.
struct TargetNow {
  state::Ptr<state::ScalableTarget> target;
  state::List<state::ScalingPolicy> policies;
  ScalingResource resource;
  std::string detector_tag;
  std::optional<OwnPolicy> own;
  ComponentLoad load;  // of a variant of components the sum over these
  ExpectedStart start;
};
// What is remembered of a target between two looks. Lost with the process: a new one changes nothing before it has seen evidence.
struct TargetMemory {
  std::unique_ptr<scaler::DetectorState> detector;
  std::optional<std::uint64_t> without_copies;  // at the last look; what came before the first one wakes nobody
  std::optional<scaler::ScaleEvidence> evidence;
  // What `own` was parsed from last, and it.
  state::List<state::ScalingPolicy> policies;
  std::string detector_tag;
  std::optional<OwnPolicy> own;
};

TargetNow read_target(const state::View& view, const state::Ptr<state::ScalableTarget>& target, ScalingResource resource,
                      const ComponentLoad& load, TargetMemory& memory);

struct Moment {
  SteadyTime steady = {};
  WallTime wall = {};
  std::int64_t seconds() const { return std::chrono::floor<std::chrono::seconds>(wall.time_since_epoch()).count(); }
};

// New bounds force the capacity, except in a direction that is suspended.
std::optional<Decision> decide_by_bounds(const TargetNow& now);
// `now.own` must be there.
std::optional<Decision> decide_by_detector(const TargetNow& now, TargetMemory& memory, const ScalingSettings& settings,
                                           const AlarmWatch& alarms, const Moment& moment);
// A request waits and there is no copy: MinCapacity 0 with a target tracking policy of whatever kind is enough. Not under the tag
// "aws": there a step policy on NoCapacityInvocationFailures wakes, or nobody.
std::optional<Decision> decide_by_wake(const TargetNow& now, TargetMemory& memory, const Moment& moment);
// `policy_ids`: those that alarms invoke now.
std::optional<Decision> decide_by_alarms(const TargetNow& now, const std::vector<std::string>& policy_ids,
                                         const AlarmWatch& alarms, const Moment& moment);

}  // namespace zeropull::autoscaler
