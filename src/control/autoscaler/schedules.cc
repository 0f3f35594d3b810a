#include "control/autoscaler/schedules.h"

#include <fmt/core.h>

#include <set>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/log.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

std::optional<std::int64_t> due_after(const ScheduledAction& action, const Scheduled& scheduled) {
  scaler::Schedule::Life life{.start = (action.start != 0 ? action.start : action.configured) / 1000};
  if (action.end != 0) life.end = action.end / 1000;
  return scheduled.schedule.next(std::max(action.last_run, action.configured) / 1000, life, scheduled.zone);
}

// The target as the action makes it.
ScalableTarget with_bounds(const ScalableTarget& target, const Scheduled& scheduled) {
  ScalableTarget next = target;
  next.capacity_min = scheduled.capacity_min.value_or(next.capacity_min);
  next.capacity_max = scheduled.capacity_max.value_or(next.capacity_max);
  // One bound alone may pass the other, which then moves with it.
  if (next.capacity_min > next.capacity_max)
    (scheduled.capacity_min ? next.capacity_max : next.capacity_min) =
        scheduled.capacity_min ? next.capacity_min : next.capacity_max;
  return next;
}

}  // namespace

std::optional<std::int64_t> next_due(const ScheduledAction& action) {
  auto parsed = parse_scheduled(action);
  return parsed.ok() ? due_after(action, *parsed) : std::nullopt;
}

Result<void> Schedules::run(const Context& ctx, Millis now) {
  auto actions = state_.view().scheduled_actions();
  std::set<std::string> there;
  Result<void> outcome;
  for (const auto& action : actions) {
    auto key = key_of(static_cast<const ScheduledAction&>(*action));
    there.insert(key);
    auto& known = known_[key];
    if (known.revision != action->revision) {
      auto parsed = parse_scheduled(*action);
      if (!parsed.ok()) LOG_WARN(kLog, "{}", parsed.error().to_string());
      known = {.revision = action->revision, .parsed = {}, .due = {}};
      if (parsed.ok()) {
        known.due = due_after(*action, *parsed);
        known.parsed = std::move(*parsed);
      }
    }
    if (!known.due || *known.due > now / 1000) continue;
    auto done = act(ctx, action, *known.parsed, now);
    if (!done.ok()) outcome = std::move(done);  // the others go on
  }
  std::erase_if(known_, [&](const auto& one) { return !there.contains(one.first); });
  return outcome;
}

Result<void> Schedules::act(const Context& ctx, const Ptr<ScheduledAction>& action, const Scheduled& scheduled, Millis now) {
  const auto name = resource_name(*action);
  bool suspended = false;
  auto more = [&](const View& view, Changes& changes) {
    auto record = view.scheduled_action(name.scaled(), action->name);
    if (!record || record->revision != action->revision) return;
    ScheduledAction next = *record;
    next.last_run = now;
    changes.put(record, std::move(next));
    auto target = view.scalable_target(name.scaled());
    suspended = target == nullptr || target->scheduled_suspended;
    if (!suspended) changes.put(target, with_bounds(*target, scheduled));
  };
  Decision decision;
  decision.resource = name;
  {
    auto view = state_.view();
    auto target = view.scalable_target(name.scaled());
    auto resource = find_resource(view, name.scaled());
    if (target && resource && !target->scheduled_suspended && resource->busy.empty()) {
      auto next = with_bounds(*target, scheduled);
      decision.target = target->revision;
      decision.from = resource->desired;
      decision.to = scaler::forced_capacity(bounds_of(next), resource->desired);
      decision.cause = fmt::format("scheduled action {} was triggered: the bounds are {} to {}", action->name, next.capacity_min,
                                   next.capacity_max);
      if (decision.to) {
        decision.explanation =
            fmt::format("scheduled action {} sets the bounds to {} to {}; the {} goes from {} to {}", action->name,
                        next.capacity_min, next.capacity_max, resource->noun, decision.from, *decision.to);
      }
    }
  }
  LOG_INFO(kLog, "scheduled action {} of {} is due", action->name, name.resource_id);
  if (decision.to) {
    auto done = TRY(ledger_.carry_out(ctx, decision, more));
    if (done.revision != 0) return {};
  }
  TRY(state_.update(ctx.with_timeout(kCommitTimeout), [&](const View& view) -> Result<Changes> {
    Changes changes;
    more(view, changes);
    return changes;
  }));
  return {};
}

}  // namespace zeropull::autoscaler
