#include "control/scaler/target_tracking.h"

#include <algorithm>
#include <cmath>

#include "control/scaler/limits.h"

namespace zeropull::scaler {

namespace {

constexpr std::int64_t kScaleInSeconds = 15 * 60;
constexpr int kScaleOutPoints = 3;

std::int64_t period_of(Resolution resolution) { return resolution == Resolution::kHigh ? 10 : 60; }

// Of a proportion that may lie outside of what a capacity can be.
int whole_capacity(double capacity) {
  return static_cast<int>(std::clamp(std::ceil(capacity - 1e-9), 0.0, double{kCapacityMax}));
}

}  // namespace

AlarmRule alarm_high(const TargetTracking& policy, Resolution resolution, std::string statistic) {
  return {.comparison = Comparison::kGreater,
          .threshold = policy.target,
          .period = period_of(resolution),
          .periods = kScaleOutPoints,
          .statistic = std::move(statistic)};
}

AlarmRule alarm_low(const TargetTracking& policy, Resolution resolution, std::string statistic) {
  auto period = period_of(resolution);
  return {.comparison = Comparison::kLess,
          .threshold = kScaleInShare * policy.target,
          .period = period,
          .periods = static_cast<int>(kScaleInSeconds / period),
          .statistic = std::move(statistic)};
}

std::optional<int> scale_out_capacity(const TargetTracking& policy, int current, double metric) {
  if (current <= 0 || metric <= policy.target) return std::nullopt;
  int wanted = whole_capacity(current * metric / policy.target);
  return wanted > current ? std::optional(wanted) : std::nullopt;
}

std::optional<int> scale_in_capacity(const TargetTracking& policy, int current, double metric) {
  if (!policy.scale_in || current <= 0 || metric >= kScaleInShare * policy.target) return std::nullopt;
  int wanted = whole_capacity(current * std::max(metric, 0.0) / policy.target);
  return wanted < current ? std::optional(wanted) : std::nullopt;
}

}  // namespace zeropull::scaler
