// A scalable target: what becomes of the wishes of its policies. Cooldowns, bounds, suspended directions and several policies at
// once, and the activity that results, in the API's words. Follows the Application Auto Scaling User Guide and the API's
// reference of DescribeScalingActivities. Pure; times are seconds since the epoch.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zeropull::scaler {

struct TargetBounds {
  int capacity_min = 0, capacity_max = 1;
  bool out_suspended = false, in_suspended = false, scheduled_suspended = false;
};

// Kept per target. A start that lies in the future was written before the clock jumped back: the cooldown begins anew.
struct Cooldown {
  std::int64_t started = 0;
  std::int64_t seconds = 0;  // 0: none
  int added = 0;             // by the scale-out that began it
};
struct TargetState {
  Cooldown out, in;
};

// What one policy says at this evaluation. Policies whose alarm is not in ALARM say nothing (capacity none) but still count:
// scale-in needs all target tracking policies with scale-in enabled to agree.
struct PolicyWish {
  std::string policy = {}, alarm = {};  // names, for the cause
  bool tracking = true;                 // target tracking, else step scaling
  bool scale_in_enabled = true;
  std::optional<int> capacity = {};
  std::chrono::seconds out_cooldown{300}, in_cooldown{300};
};

enum class NotScaled { kAlreadyAtMaxCapacity, kAlreadyAtMinCapacity, kAlreadyAtDesiredCapacity };
std::string_view not_scaled_name(NotScaled reason);

struct ScalingOutcome {
  std::optional<int> capacity = {};          // to be set; none: nothing to do
  std::optional<NotScaled> not_scaled = {};  // an activity that did not scale (IncludeNotScaledActivities)
  std::string cause = {};                    // "monitor alarm X in state ALARM triggered policy Y"; set with either of the above
  bool scale_in = false;
};

// What policies compute from: while the cooldown of a scale-out lasts, the capacity before it, so that the capacity that is
// already being added counts and only a larger scale-out adds to it.
int capacity_base(const TargetState& state, int current, std::int64_t now);

// `current` is what is set now, capacity being added included. Starts cooldowns in `state` when it scales.
ScalingOutcome combine(const TargetBounds& bounds, TargetState& state, std::span<const PolicyWish> wishes, int current,
                       std::int64_t now);

// The capacity that new bounds force at once (RegisterScalableTarget, scheduled actions); cooldowns do not matter.
std::optional<int> forced_capacity(const TargetBounds& bounds, int current);

// The texts of an activity. `noun`: "instance count" of a variant, "copy count" of a component.
std::string activity_description(std::string_view noun, int capacity);  // "Setting desired instance count to 2."
std::string activity_waiting(std::string_view noun, int capacity);      // StatusMessage while in progress
std::string activity_fulfilled(std::string_view noun, int capacity);    // StatusMessage when successful

}  // namespace zeropull::scaler
