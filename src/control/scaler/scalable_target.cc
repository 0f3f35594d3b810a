#include "control/scaler/scalable_target.h"

#include <fmt/core.h>

#include <algorithm>

namespace zeropull::scaler {

namespace {

bool active(const Cooldown& cooldown, std::int64_t now) {
  return cooldown.seconds > 0 && now < std::min(cooldown.started, now) + cooldown.seconds && cooldown.started != 0;
}

void rebase(Cooldown& cooldown, std::int64_t now) { cooldown.started = std::min(cooldown.started, now); }

std::string cause_of(const PolicyWish& wish) {
  return fmt::format("monitor alarm {} in state ALARM triggered policy {}", wish.alarm, wish.policy);
}

// The policy whose capacity is the largest of those that want more, or fewer.
const PolicyWish* largest(std::span<const PolicyWish> wishes, int current, bool out) {
  const PolicyWish* found = nullptr;
  for (const auto& wish : wishes) {
    if (!wish.capacity || (*wish.capacity > current) != out || *wish.capacity == current) continue;
    if (found == nullptr || *wish.capacity > *found->capacity) found = &wish;
  }
  return found;
}

ScalingOutcome stay(NotScaled reason, const PolicyWish& wish) { return {.not_scaled = reason, .cause = cause_of(wish)}; }

ScalingOutcome scale_out(const TargetBounds& bounds, TargetState& state, const PolicyWish& wish, int current, std::int64_t now) {
  if (current >= bounds.capacity_max) return stay(NotScaled::kAlreadyAtMaxCapacity, wish);
  int capacity = std::clamp(*wish.capacity, bounds.capacity_min, bounds.capacity_max);
  int base = capacity_base(state, current, now);
  state.out = {.started = now, .seconds = wish.out_cooldown.count(), .added = capacity - base};
  state.in = {};
  return {.capacity = capacity, .cause = cause_of(wish)};
}

ScalingOutcome scale_in(const TargetBounds& bounds, TargetState& state, const PolicyWish& wish, int current, std::int64_t now) {
  if (current <= bounds.capacity_min) return stay(NotScaled::kAlreadyAtMinCapacity, wish);
  if (active(state.in, now)) return {};
  state.in = {.started = now, .seconds = wish.in_cooldown.count()};
  state.out = {};
  int capacity = std::clamp(*wish.capacity, bounds.capacity_min, bounds.capacity_max);
  return {.capacity = capacity, .cause = cause_of(wish), .scale_in = true};
}

}  // namespace

std::string_view not_scaled_name(NotScaled reason) {
  switch (reason) {
    case NotScaled::kAlreadyAtMaxCapacity: return "AlreadyAtMaxCapacity";
    case NotScaled::kAlreadyAtMinCapacity: return "AlreadyAtMinCapacity";
    case NotScaled::kAlreadyAtDesiredCapacity: return "AlreadyAtDesiredCapacity";
  }
  return "";
}

int capacity_base(const TargetState& state, int current, std::int64_t now) {
  return active(state.out, now) ? std::max(current - state.out.added, 0) : current;
}

ScalingOutcome combine(const TargetBounds& bounds, TargetState& state, std::span<const PolicyWish> wishes, int current,
                       std::int64_t now) {
  rebase(state.out, now);
  rebase(state.in, now);
  if (const auto* out = largest(wishes, current, true)) {
    return bounds.out_suspended ? ScalingOutcome{} : scale_out(bounds, state, *out, current, now);
  }
  // During a cooldown a wish may be for no more than is being added already; that is no wish for less.
  int base = capacity_base(state, current, now);
  std::vector<PolicyWish> fewer;
  for (const auto& wish : wishes) {
    if (wish.capacity && *wish.capacity < base) fewer.push_back(wish);
  }
  if (fewer.empty()) {
    auto content = std::ranges::find_if(wishes, [](const PolicyWish& wish) { return wish.capacity.has_value(); });
    return content == wishes.end() ? ScalingOutcome{} : stay(NotScaled::kAlreadyAtDesiredCapacity, *content);
  }
  bool tracking_agrees = std::ranges::all_of(wishes, [&](const PolicyWish& wish) {
    return !wish.tracking || !wish.scale_in_enabled || (wish.capacity && *wish.capacity < base);
  });
  if (!tracking_agrees) std::erase_if(fewer, [](const PolicyWish& wish) { return wish.tracking; });
  const auto* in = largest(fewer, base, false);
  if (in == nullptr || bounds.in_suspended) return {};
  return scale_in(bounds, state, *in, current, now);
}

std::optional<int> forced_capacity(const TargetBounds& bounds, int current) {
  int inside = std::clamp(current, bounds.capacity_min, std::max(bounds.capacity_min, bounds.capacity_max));
  return inside == current ? std::nullopt : std::optional(inside);
}

std::string activity_description(std::string_view noun, int capacity) {
  return fmt::format("Setting desired {} to {}.", noun, capacity);
}

std::string activity_waiting(std::string_view noun, int capacity) {
  return fmt::format("Successfully set desired {} to {}. Waiting for change to be fulfilled by sagemaker.", noun, capacity);
}

std::string activity_fulfilled(std::string_view noun, int capacity) {
  return fmt::format("Successfully set desired {} to {}. Change successfully fulfilled by sagemaker.", noun, capacity);
}

}  // namespace zeropull::scaler
