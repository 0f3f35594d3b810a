#include "control/scaler/step_scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "control/scaler/limits.h"

namespace zeropull::scaler {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double lower_of(const Step& step) { return step.lower.value_or(-kInfinity); }
double upper_of(const Step& step) { return step.upper.value_or(kInfinity); }

// Above the threshold a step holds its lower bound, below it its upper bound.
bool holds(const Step& step, double distance) {
  if (distance >= 0) return lower_of(step) <= distance && distance < upper_of(step);
  return lower_of(step) < distance && distance <= upper_of(step);
}

// Fractions: above 1 down, between 0 and 1 to 1, and the same below 0.
double toward_zero_but_one(double change) {
  if (change == 0) return 0;
  double whole = std::trunc(change);
  return whole != 0 ? whole : std::copysign(1.0, change);
}

}  // namespace

Result<void> validate(const StepScaling& policy) {
  if (policy.steps.empty()) return make_error(Code::kInvalidArgument, "At least one StepAdjustment must be specified");
  if (policy.steps.size() > kStepsMax)
    return make_error(Code::kInvalidArgument, "No more than {} StepAdjustments are allowed", kStepsMax);
  auto steps = policy.steps;
  std::ranges::sort(steps, {}, lower_of);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    if (!step.lower && !step.upper)
      return make_error(Code::kInvalidArgument, "A StepAdjustment must have a lower or an upper bound");
    if (lower_of(step) >= upper_of(step)) {
      return make_error(Code::kInvalidArgument, "The lower bound of a StepAdjustment must be less than its upper bound");
    }
    if (policy.adjustment == Adjustment::kExactCapacity && step.adjustment < 0) {
      return make_error(Code::kInvalidArgument, "ScalingAdjustment of an ExactCapacity policy must not be negative");
    }
    if (i > 0 && upper_of(steps[i - 1]) > lower_of(step))
      return make_error(Code::kInvalidArgument, "StepAdjustments must not overlap");
    if (i > 0 && upper_of(steps[i - 1]) < lower_of(step)) {
      return make_error(Code::kInvalidArgument, "StepAdjustments must not leave a gap between their bounds");
    }
  }
  if (lower_of(steps.front()) < 0 && steps.front().lower) {
    return make_error(Code::kInvalidArgument, "With a negative lower bound there must be a StepAdjustment without a lower bound");
  }
  if (upper_of(steps.back()) > 0 && steps.back().upper) {
    return make_error(Code::kInvalidArgument,
                      "With a positive upper bound there must be a StepAdjustment without an upper bound");
  }
  return {};
}

double aggregate(Aggregation aggregation, std::span<const Datapoint> points) {
  if (points.empty()) return 0;
  double sum = 0, least = kInfinity, most = -kInfinity;
  for (const auto& point : points) {
    sum += point.value;
    least = std::min(least, point.value);
    most = std::max(most, point.value);
  }
  switch (aggregation) {
    case Aggregation::kAverage: return sum / static_cast<double>(points.size());
    case Aggregation::kMinimum: return least;
    case Aggregation::kMaximum: return most;
  }
  return sum;
}

std::optional<int> step_capacity(const StepScaling& policy, double threshold, double metric, int current) {
  auto step = std::ranges::find_if(policy.steps, [&](const Step& each) { return holds(each, metric - threshold); });
  if (step == policy.steps.end()) return std::nullopt;
  double capacity = step->adjustment;
  if (policy.adjustment == Adjustment::kChangeInCapacity) capacity += current;
  if (policy.adjustment == Adjustment::kPercentChangeInCapacity) {
    double change = toward_zero_but_one(static_cast<double>(current) * step->adjustment / 100);
    if (step->adjustment != 0) change = std::copysign(std::max(std::abs(change), double(policy.magnitude_min)), step->adjustment);
    capacity = current + change;
  }
  return static_cast<int>(std::clamp(capacity, 0.0, double{kCapacityMax}));
}

}  // namespace zeropull::scaler
