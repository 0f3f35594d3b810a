#include "control/autoscaler/target_decisions.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "control/autoscaler/limits.h"
#include "control/scaler/sentences.h"
#include "control/state/millis.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

constexpr const char* kNoCapacityMetric = "NoCapacityInvocationFailures";

Decision decision_for(const TargetNow& now) {
  Decision decision;
  decision.resource = resource_name(*now.target);
  decision.target = now.target->revision;
  decision.from = now.resource.desired;
  return decision;
}

// What is done and what is pending, the end of every explanation.
std::string deed(const TargetNow& now, int to) {
  const auto& resource = now.resource;
  auto text = fmt::format("the {} goes from {} to {}", resource.noun, resource.desired, to);
  if (to <= resource.desired) return text;
  const int pending = to - std::min(resource.ready, to);
  return text + fmt::format("; pending {} {}, {} ready about {} after its order", scaler::agreeing(pending, "is", "are"),
                            resource.counted(pending), scaler::agreeing(pending, "which is", "each"), now.start.text());
}

Duration scale_in_window(const TargetNow& now, const ScalingSettings& settings) {
  auto tag = tag_of(*now.resource.endpoint, now.resource.component.get(), kScaleInTag);
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), value);
  if (error != std::errc() || end != tag.data() + tag.size()) return settings.scale_in_window;
  return std::chrono::seconds(std::clamp(value, kScaleInSecondsMin, kScaleInSecondsMax));
}

scaler::DetectorPolicy detector_policy(const TargetNow& now, const TargetMemory& memory, const ScalingSettings& settings) {
  scaler::DetectorPolicy policy;
  const auto& tracking = now.own->parsed.tracking;
  policy.copies_min = now.target->capacity_min;
  policy.copies_max = std::max(now.target->capacity_min, now.target->capacity_max);
  policy.target = tracking.target;
  // Invocations a minute are as many at once as their service time fills of it.
  if (now.own->parsed.per_minute) policy.target = tracking.target / 60 * memory.detector->service.mean();
  policy.false_alarm_time = settings.false_alarm_time;
  policy.scale_in_window = scale_in_window(now, settings);
  policy.scale_in = tracking.scale_in && !now.target->in_suspended;
  policy.scale_out = !now.target->out_suspended;
  return policy;
}

// Requests that came while there was no copy since the last look; those that are not held leave no other trace.
std::uint32_t came_in_vain(const TargetNow& now, TargetMemory& memory) {
  auto count = now.load.requests.without_copies;
  auto before = std::exchange(memory.without_copies, count).value_or(count);
  return count > before ? static_cast<std::uint32_t>(std::min<std::uint64_t>(count - before, 1'000'000)) : 0;
}

scaler::ScaleInput input_of(const TargetNow& now, TargetMemory& memory, SteadyTime time) {
  const auto& load = now.load;
  scaler::ScaleInput input;
  input.now = time;
  input.arrivals = load.requests.arrivals;
  input.completed = load.copies.completed_all();
  input.service_seconds = load.copies.latency_seconds;
  input.in_flight = load.requests.in_flight;
  input.held = load.requests.held;
  input.desired = now.resource.desired;
  input.copies_ready = now.resource.ready;
  input.start_time = now.start.time;
  auto vain = came_in_vain(now, memory);
  if (input.desired == 0 && input.held == 0) {
    input.held = vain;
    input.in_flight += vain;
  }
  return input;
}

std::string prediction(const TargetNow& now, const scaler::ScaleDecision& decided) {
  using enum scaler::ScaleCause;
  const auto& evidence = decided.evidence;
  const auto wanted = now.resource.counted(decided.desired);
  const auto are = scaler::agreeing(decided.desired, "is", "are");
  switch (evidence.cause) {
    case kArrivals:
      return fmt::format("predicted are {:.2f} requests a second at {:.2f} s each, for which {} {} needed", evidence.rate,
                         evidence.service_seconds, wanted, are);
    case kConcurrency:
      return fmt::format("predicted are {:.1f} requests at work at once, for which {} {} needed", evidence.concurrency, wanted,
                         are);
    case kWake: return fmt::format("{} can work on what waits", wanted);
    case kQuiet: return fmt::format("predicted is that {} {} enough", wanted, are);
    case kBounds:
    case kSteady: break;
  }
  return "";
}

// The wishes of target tracking policies that alarms serve, by what their alarms' states are now.
scaler::PolicyWish tracking_wish(const TargetNow& now, const ScalingPolicy& policy, const scaler::TargetTracking& tracking,
                                 const AlarmWatch& alarms, int base) {
  scaler::PolicyWish wish{.policy = policy.name,
                          .scale_in_enabled = tracking.scale_in,
                          .out_cooldown = tracking.out_cooldown,
                          .in_cooldown = tracking.in_cooldown};
  auto in_alarm = [&](const std::string& name) {
    const auto* alarm = alarms.find(policy.account, name);
    bool fires = alarm != nullptr && alarm->state.value == scaler::AlarmStateValue::kAlarm && !alarm->datapoints.empty();
    return fires ? alarm : nullptr;
  };
  if (const auto* high = in_alarm(policy.alarm_high)) {
    wish.alarm = policy.alarm_high;
    wish.capacity = scaler::scale_out_capacity(tracking, base, high->datapoints.front().value);
  } else if (const auto* low = in_alarm(policy.alarm_low)) {
    wish.alarm = policy.alarm_low;
    wish.capacity = scaler::scale_in_capacity(tracking, now.resource.desired, low->datapoints.front().value);
  }
  return wish;
}

// The alarm that invokes the policy now: the first in its state whose actions name it.
const WatchedAlarm* alarm_of(const ScalingPolicy& policy, const AlarmWatch& alarms) {
  for (const auto& [key, alarm] : alarms.alarms()) {
    if (!alarm.query || alarm.record->account != policy.account || !alarm.record->actions_enabled) continue;
    const auto& ids = alarm.query->policies(alarm.state.value);
    if (std::ranges::find(ids, policy.id) != ids.end()) return &alarm;
  }
  return nullptr;
}

std::optional<scaler::PolicyWish> step_wish(const TargetNow& now, const ScalingPolicy& policy, const AlarmWatch& alarms,
                                            int base) {
  const auto* alarm = alarm_of(policy, alarms);
  auto step = parse_step(policy);
  if (alarm == nullptr || !step.ok()) return std::nullopt;
  scaler::PolicyWish wish{.policy = policy.name,
                          .alarm = alarm->record->name,
                          .tracking = false,
                          .out_cooldown = step->cooldown,
                          .in_cooldown = step->cooldown};
  const bool woken = alarm->query->metric == kNoCapacityMetric && now.resource.desired > 0 && now.detector_tag != "aws";
  if (woken) {
    wish.capacity = now.resource.desired;  // what this step is for was done when the first request waited
  } else if (!alarm->datapoints.empty()) {
    wish.capacity =
        scaler::step_capacity(*step, alarm->query->rule.threshold, scaler::aggregate(step->aggregation, alarm->datapoints), base);
  }
  return wish;
}

// Those of all policies but the one that our own detector serves.
std::vector<scaler::PolicyWish> wishes_of(const TargetNow& now, const std::vector<std::string>& invoked, const AlarmWatch& alarms,
                                          std::int64_t time) {
  std::vector<scaler::PolicyWish> wishes;
  const int base = scaler::capacity_base(cooldowns_of(*now.target), now.resource.desired, time);
  for (const auto& policy : now.policies) {
    if (now.own && policy->id == now.own->record->id) continue;
    if (policy->type == kTargetTracking) {
      auto parsed = parse_tracking(*policy);
      if (parsed.ok()) wishes.push_back(tracking_wish(now, *policy, parsed->tracking, alarms, base));
    } else if (std::ranges::find(invoked, policy->id) != invoked.end()) {
      if (auto wish = step_wish(now, *policy, alarms, base)) wishes.push_back(std::move(*wish));
    }
  }
  return wishes;
}

Millis millis_of_onset(const WatchedAlarm& alarm) { return alarm.datapoints.empty() ? 0 : alarm.datapoints.back().time * 1000; }

std::string seen_by(const WatchedAlarm& alarm) {
  const auto& rule = alarm.query->rule;
  return fmt::format("alarm {} over {} x {} s: {}", alarm.record->name, rule.periods, rule.period, alarm.state.reason);
}

}  // namespace

TargetNow read_target(const View& view, const Ptr<ScalableTarget>& target, ScalingResource resource, const ComponentLoad& load,
                      TargetMemory& memory) {
  TargetNow now;
  now.target = target;
  now.policies = view.scaling_policies(scaled_of(*target));
  now.detector_tag = tag_of(*resource.endpoint, resource.component.get(), kDetectorTag);
  if (memory.policies != now.policies || memory.detector_tag != now.detector_tag) {
    memory.own = own_policy(now.policies, now.detector_tag);
    memory.policies = now.policies;
    memory.detector_tag = now.detector_tag;
  }
  now.own = memory.own;
  now.resource = std::move(resource);
  now.load = load;
  return now;
}

std::optional<Decision> decide_by_bounds(const TargetNow& now) {
  auto forced = scaler::forced_capacity(bounds_of(*now.target), now.resource.desired);
  if (!forced) return std::nullopt;
  const bool grows = *forced > now.resource.desired;
  if (grows ? now.target->out_suspended : now.target->in_suspended) return std::nullopt;
  auto decision = decision_for(now);
  decision.to = *forced;
  decision.cause = fmt::format("{} capacity was set to {}", grows ? "minimum" : "maximum", *forced);
  decision.explanation = fmt::format("the capacity {} is outside of the bounds {} to {}; {}", now.resource.desired,
                                     now.target->capacity_min, now.target->capacity_max, deed(now, *forced));
  return decision;
}

std::optional<Decision> decide_by_detector(const TargetNow& now, TargetMemory& memory, const ScalingSettings& settings,
                                           const AlarmWatch& alarms, const Moment& moment) {
  if (!memory.detector) memory.detector = std::make_unique<scaler::DetectorState>();
  auto decided = scaler::decide(*memory.detector, detector_policy(now, memory, settings), input_of(now, memory, moment.steady));
  memory.evidence = decided.evidence;
  if (decided.desired == now.resource.desired) return std::nullopt;
  const auto& policy = *now.own->record;
  scaler::PolicyWish wish{.policy = policy.name,
                          .alarm = {},
                          .scale_in_enabled = now.own->parsed.tracking.scale_in,
                          .capacity = decided.desired,
                          .out_cooldown = std::chrono::seconds(0),
                          .in_cooldown = std::chrono::seconds(0)};
  auto wishes = wishes_of(now, {}, alarms, moment.seconds());
  wishes.insert(wishes.begin(), std::move(wish));
  auto cooldowns = cooldowns_of(*now.target);
  auto outcome = scaler::combine(bounds_of(*now.target), cooldowns, wishes, now.resource.desired, moment.seconds());
  if (!outcome.capacity) return std::nullopt;
  auto decision = decision_for(now);
  decision.policy = policy.name;
  decision.detector = "own";
  decision.to = *outcome.capacity;
  decision.cause = fmt::format("detector of policy {}: {}", policy.name, decided.reason);
  auto predicted = prediction(now, decided);
  decision.explanation =
      fmt::format("{}; {}{}{}", decided.reason, predicted, predicted.empty() ? "" : "; ", deed(now, *decision.to));
  auto window = std::chrono::duration<double>(decided.evidence.window_seconds);
  decision.onset = millis_of(moment.wall - std::chrono::duration_cast<WallTime::duration>(window));
  decision.cooldowns = cooldowns;
  return decision;
}

std::optional<Decision> decide_by_wake(const TargetNow& now, TargetMemory& memory, const Moment& moment) {
  auto vain = came_in_vain(now, memory);
  const auto waiting = std::max(now.load.requests.held, vain);
  if (now.resource.desired > 0 || waiting == 0 || now.detector_tag == "aws" || now.target->out_suspended) return std::nullopt;
  if (now.target->capacity_max < 1) return std::nullopt;
  auto tracking = std::ranges::find(now.policies, std::string(kTargetTracking), &ScalingPolicy::type);
  if (tracking == now.policies.end()) return std::nullopt;
  auto decision = decision_for(now);
  decision.policy = (*tracking)->name;
  decision.detector = "own";
  decision.to = std::max(1, now.target->capacity_min);
  auto seen = fmt::format("{} {} and there is no copy", scaler::counted(waiting, "request", "requests"),
                          scaler::agreeing(waiting, "waits", "wait"));
  decision.cause = fmt::format("detector of policy {}: {}", decision.policy, seen);
  decision.explanation = fmt::format("{}; {}", seen, deed(now, *decision.to));
  decision.onset = millis_of(moment.wall);
  return decision;
}

std::optional<Decision> decide_by_alarms(const TargetNow& now, const std::vector<std::string>& policy_ids,
                                         const AlarmWatch& alarms, const Moment& moment) {
  auto wishes = wishes_of(now, policy_ids, alarms, moment.seconds());
  if (now.own) {  // it has not spoken now: it does not agree to fewer
    wishes.push_back({.policy = now.own->record->name, .scale_in_enabled = now.own->parsed.tracking.scale_in, .capacity = {}});
  }
  auto cooldowns = cooldowns_of(*now.target);
  auto outcome = scaler::combine(bounds_of(*now.target), cooldowns, wishes, now.resource.desired, moment.seconds());
  if (!outcome.capacity && !outcome.not_scaled) return std::nullopt;
  auto decision = decision_for(now);
  decision.detector = "aws";
  decision.cause = outcome.cause;
  auto wish = std::ranges::find_if(
      wishes, [&](const scaler::PolicyWish& one) { return one.capacity && outcome.cause.ends_with("policy " + one.policy); });
  std::string seen = outcome.cause;
  if (wish != wishes.end()) {
    decision.policy = wish->policy;
    if (const auto* alarm = alarms.find(now.target->account, wish->alarm)) {
      seen = seen_by(*alarm);
      decision.onset = millis_of_onset(*alarm);
      auto metric = alarm->datapoints.empty() ? 0 : alarm->datapoints.front().value;
      seen += fmt::format(" For {:.2f} with {} policy {} asks for {}", metric, now.resource.counted(now.resource.desired),
                          wish->policy, *wish->capacity);
    }
  }
  if (outcome.not_scaled) {
    decision.not_scaled = outcome.not_scaled;
    decision.explanation = fmt::format("{}; nothing is done: {}", seen, scaler::not_scaled_name(*outcome.not_scaled));
    return decision;
  }
  decision.to = *outcome.capacity;
  decision.explanation = fmt::format("{}; {}", seen, deed(now, *decision.to));
  decision.cooldowns = cooldowns;
  return decision;
}

}  // namespace zeropull::autoscaler
