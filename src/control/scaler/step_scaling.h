// Step scaling: the distance of the metric from the alarm's threshold selects a step. Follows the Application Auto Scaling User
// Guide, "Step scaling policies". Pure.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "control/scaler/alarm.h"

namespace zeropull::scaler {

enum class Adjustment { kChangeInCapacity, kPercentChangeInCapacity, kExactCapacity };
enum class Aggregation { kAverage, kMinimum, kMaximum };

struct Step {
  std::optional<double> lower = {}, upper = {};  // relative to the threshold; none: no bound
  int adjustment = 0;
};

struct StepScaling {
  Adjustment adjustment = Adjustment::kChangeInCapacity;
  std::vector<Step> steps = {};
  int magnitude_min = 0;  // MinAdjustmentMagnitude, of percentages; 0: none
  std::chrono::seconds cooldown{300};
  Aggregation aggregation = Aggregation::kAverage;
};

// kInvalidArgument with the API's reason: steps that overlap, leave gaps or lack an open end.
Result<void> validate(const StepScaling& policy);

double aggregate(Aggregation aggregation, std::span<const Datapoint> points);  // of at least one point

// The capacity that the policy asks for, not yet bounded; nullopt where no step holds the distance.
std::optional<int> step_capacity(const StepScaling& policy, double threshold, double metric, int current);

}  // namespace zeropull::scaler
