#include "control/autoscaler/decisions.h"

#include <fmt/core.h>

#include <algorithm>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/log.h"
#include "control/state/ids.h"
#include "control/state/millis.h"
#include "control/state/scaling_activities.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

NotScaledReason not_scaled_reason(scaler::NotScaled reason, const ScalableTarget& target, int current) {
  NotScaledReason told{
      .code = std::string(scaler::not_scaled_name(reason)), .capacity_max = {}, .capacity_min = {}, .capacity_current = current};
  if (reason == scaler::NotScaled::kAlreadyAtMaxCapacity) told.capacity_max = target.capacity_max;
  if (reason == scaler::NotScaled::kAlreadyAtMinCapacity) told.capacity_min = target.capacity_min;
  return told;
}

// An alarm that stays in ALARM says every minute that nothing can be done: once is enough.
bool told_already(const List<ScalingActivity>& activities, const ScalingActivity& activity) {
  if (activity.not_scaled.empty() || activities.empty()) return false;
  const auto& last = *activities.back();
  return !last.not_scaled.empty() && last.cause == activity.cause && last.not_scaled[0].code == activity.not_scaled[0].code;
}

CooldownRecord record_of(const scaler::Cooldown& cooldown) { return {cooldown.started, cooldown.seconds, cooldown.added}; }

bool is_open(const ScalingActivity& activity) {
  return activity.status == ActivityStatus::kInProgress || activity.status == ActivityStatus::kPending;
}

// What has become of an activity; nullopt: it goes on.
struct Ending {
  ActivityStatus status;
  std::string message;
};
std::optional<Ending> ending_of(const ScalingActivity& activity, const std::optional<ScalingResource>& resource, bool newest) {
  if (!resource) return Ending{ActivityStatus::kFailed, "The resource was deleted."};
  if (!newest || resource->desired != activity.to) {
    return Ending{ActivityStatus::kOverridden, fmt::format("The desired {} was set to {} before this change was fulfilled.",
                                                           resource->noun, resource->desired)};
  }
  if (resource->ready == activity.to) {
    return Ending{ActivityStatus::kSuccessful, scaler::activity_fulfilled(resource->noun, activity.to)};
  }
  if (!resource->failure.empty() && resource->ready < activity.to) return Ending{ActivityStatus::kFailed, resource->failure};
  bool gone = resource->busy.find("failed") != std::string::npos || resource->busy.find("deleted") != std::string::npos;
  if (gone) return Ending{ActivityStatus::kFailed, "Not fulfilled: " + resource->busy + "."};
  return std::nullopt;
}

}  // namespace

scaler::TargetBounds bounds_of(const ScalableTarget& target) {
  return {.capacity_min = target.capacity_min,
          .capacity_max = target.capacity_max,
          .out_suspended = target.out_suspended,
          .in_suspended = target.in_suspended,
          .scheduled_suspended = target.scheduled_suspended};
}

scaler::TargetState cooldowns_of(const ScalableTarget& target) {
  auto of = [](const CooldownRecord& record) { return scaler::Cooldown{record.started, record.seconds, record.added}; };
  return {.out = of(target.cooldown_out), .in = of(target.cooldown_in)};
}

Millis Ledger::now() const { return millis_of(clock_.wall_now()); }

ScalingActivity Ledger::activity_of(const Decision& decision, const ScalingResource& resource, Millis time) {
  ScalingActivity activity;
  activity.account = decision.resource.account;
  activity.resource_id = decision.resource.resource_id;
  activity.dimension = decision.resource.dimension;
  activity.id = random_uuid(random_);
  activity.cause = decision.cause;
  activity.policy = decision.policy;
  activity.detector = decision.detector;
  activity.explanation = decision.explanation;
  activity.from = decision.from;
  activity.to = decision.to.value_or(decision.from);
  activity.begin = time;
  if (decision.to) {
    activity.description = scaler::activity_description(resource.noun, *decision.to);
    activity.status = ActivityStatus::kInProgress;
    activity.status_message = scaler::activity_waiting(resource.noun, *decision.to);
  } else {
    activity.description = "Attempting to scale due to alarm triggered";
    activity.status = ActivityStatus::kUnfulfilled;
    activity.status_message = fmt::format("The desired {} stays {}.", resource.noun, decision.from);
    activity.end = time;
  }
  return activity;
}

Result<Ledger::Outcome> Ledger::carry_out(const Context& ctx, const Decision& decision, const MoreChanges& more) {
  bool done = false;
  auto committed = state_.update(ctx.with_timeout(kCommitTimeout), [&](const View& view) -> Result<Changes> {
    done = false;
    Changes changes;
    if (more) more(view, changes);
    auto scaled = decision.resource.scaled();
    auto target = view.scalable_target(scaled);
    auto resource = find_resource(view, scaled);
    auto policy = decision.policy.empty() ? nullptr : view.scaling_policy(scaled, decision.policy);
    if (!target || target->revision != decision.target || (!policy && !decision.policy.empty())) return changes;
    if (!resource || !resource->busy.empty() || resource->desired != decision.from) return changes;
    const auto time = now();
    auto activity = activity_of(decision, *resource, time);
    if (decision.not_scaled) activity.not_scaled = {not_scaled_reason(*decision.not_scaled, *target, decision.from)};
    if (told_already(view.scaling_activities(scaled), activity)) return changes;
    if (decision.to) {
      ScaleOrder order{.onset = decision.onset, .decided = time, .above = decision.from, .reason = decision.explanation};
      if (decision.onset == 0) order = {};
      order.onset = std::min(order.onset, order.decided);
      set_capacity(changes, *resource, *decision.to, order, time);
    }
    if (decision.cooldowns && decision.to) {
      ScalableTarget next = *target;
      next.cooldown_out = record_of(decision.cooldowns->out);
      next.cooldown_in = record_of(decision.cooldowns->in);
      changes.put(target, std::move(next));
    }
    if (policy && decision.to) {
      ScalingPolicy next = *policy;
      next.last_scaled = time;
      changes.put(policy, std::move(next));
    }
    add_activity(view, changes, std::move(activity));
    done = true;
    return changes;
  });
  if (!committed.ok()) return std::move(committed).take_error().with("scale " + decision.resource.resource_id);
  if (done && decision.to) {
    LOG_INFO(kLog, "{}: {} to {}: {}", decision.resource.resource_id, decision.from, *decision.to, decision.explanation);
    if (std::ranges::find(open_, decision.resource) == open_.end()) open_.push_back(decision.resource);
  }
  return Outcome{.done = done, .revision = *committed};
}

Result<void> Ledger::follow(const Context& ctx) {
  if (std::exchange(unread_, false)) {
    auto view = state_.view();
    for (const auto& activity : view.scaling_activities()) {
      auto name = resource_name(*activity);
      if (is_open(*activity) && std::ranges::find(open_, name) == open_.end()) open_.push_back(name);
    }
  }
  std::vector<ResourceName> still;
  for (const auto& name : open_) {
    bool goes_on = false;
    auto done = state_.update(ctx.with_timeout(kCommitTimeout), [&](const View& view) -> Result<Changes> {
      goes_on = false;
      Changes changes;
      auto resource = find_resource(view, name.scaled());
      auto open = view.scaling_activities(name.scaled());
      std::erase_if(open, [](const auto& activity) { return !is_open(*activity); });
      // By when they were committed: a clock that went back may have given the newest the oldest time.
      std::ranges::sort(open, std::greater(), &Held<ScalingActivity>::revision);
      for (const auto& activity : open) {
        auto ending = ending_of(*activity, resource, activity == open.front());
        if (!ending) {
          goes_on = true;
          continue;
        }
        ScalingActivity next = *activity;
        next.status = ending->status;
        next.status_message = std::move(ending->message);
        next.end = std::max(now(), next.begin);
        changes.put(activity, std::move(next));
      }
      return changes;
    });
    if (!done.ok() || goes_on) still.push_back(name);
    if (!done.ok()) LOG_WARN(kLog, "activities of {}: {}", name.resource_id, done.error().to_string());
  }
  open_ = std::move(still);
  return {};
}

}  // namespace zeropull::autoscaler
