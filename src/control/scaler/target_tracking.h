// Target tracking as Application Auto Scaling does it: two alarms per policy and a proportional formula. Follows the Application
// Auto Scaling User Guide, "How target tracking scaling works". Pure.
#pragma once

#include <chrono>
#include <optional>

#include "control/scaler/alarm.h"

namespace zeropull::scaler {

enum class Resolution { kStandard, kHigh };  // points of 60 s, of 10 s

struct TargetTracking {
  double target = 1;  // TargetValue; above 0
  std::chrono::seconds out_cooldown{300}, in_cooldown{300};
  bool scale_in = true;  // not DisableScaleIn
};

// AlarmHigh: 3 points above target, of 10 s or 60 s. AlarmLow: 15 minutes below nine tenths of it.
AlarmRule alarm_high(const TargetTracking& policy, Resolution resolution, std::string statistic);
AlarmRule alarm_low(const TargetTracking& policy, Resolution resolution, std::string statistic);

// The capacity that a metric per copy asks for, nullopt where the policy asks for none in that direction. `current` counts
// capacity that is still being added.
std::optional<int> scale_out_capacity(const TargetTracking& policy, int current, double metric);
// Never one at which the same load would exceed the target; 0 when the metric is 0.
std::optional<int> scale_in_capacity(const TargetTracking& policy, int current, double metric);

}  // namespace zeropull::scaler
