// Zeropull.DescribeScaling: each scalable target of an endpoint as it is now, who sees its demand, its alarms, and why its
// capacity is what it is, in sentences.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/autoscaler/policies.h"
#include "control/autoscaler/resource.h"
#include "control/autoscaler/schedules.h"
#include "control/scaler/alarm.h"

namespace zeropull::api {

using nlohmann::json;
using state::View;

namespace {

constexpr std::array<std::string_view, 6> kStatuses{"Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"};

json shown_activity(const state::ScalingActivity& activity) {
  json shown{{"StartTime", seconds_of(activity.begin)},
             {"From", activity.from},
             {"To", activity.to},
             {"Status", kStatuses.at(static_cast<std::size_t>(activity.status))},
             {"StatusMessage", activity.status_message},
             {"Detector", activity.detector},
             {"PolicyName", activity.policy},
             {"Cause", activity.cause},
             {"Explanation", activity.explanation.empty() ? activity.cause : activity.explanation}};
  if (activity.end != 0) shown["EndTime"] = seconds_of(activity.end);
  if (!activity.not_scaled.empty()) shown["NotScaled"] = activity.not_scaled.front().code;
  return shown;
}

json shown_alarm(const state::Alarm& alarm) {
  auto status = static_cast<scaler::AlarmStateValue>(alarm.status.value);
  return {{"AlarmName", alarm.name},
          {"State", scaler::state_name(status)},
          {"Reason", alarm.status.reason},
          {"ActionsEnabled", alarm.actions_enabled},
          {"Since", alarm.status.transitioned}};
}

json shown_policy(const state::ScalingPolicy& policy, const std::string& tag) {
  json shown{{"PolicyName", policy.name}, {"PolicyType", policy.type}, {"Detector", "aws"}};
  if (policy.type == state::kTargetTracking) {
    auto parsed = autoscaler::parse_tracking(policy);
    if (parsed.ok()) {
      shown["Detector"] = autoscaler::detector_name(autoscaler::detector_of(*parsed, tag));
      shown["TargetValue"] = parsed->tracking.target;
      shown["Metric"] = parsed->predefined.empty() ? "customized" : parsed->predefined;
    }
  }
  if (policy.last_scaled != 0) shown["LastScaledTime"] = seconds_of(policy.last_scaled);
  return shown;
}

// Those of the policies' own and of callers whose actions invoke one of them.
json shown_alarms(const View& view, const std::string& account, const state::List<state::ScalingPolicy>& policies) {
  auto list = json::array();
  for (const auto& alarm : view.alarms(account)) {
    bool invokes = std::ranges::any_of(
        policies, [&](const auto& policy) { return alarm->policy_id == policy->id || alarm->body.contains(policy->id); });
    if (invokes) list.push_back(shown_alarm(*alarm));
  }
  return list;
}

json shown_schedules(const state::List<state::ScheduledAction>& actions) {
  auto list = json::array();
  for (const auto& action : actions) {
    json shown{{"ScheduledActionName", action->name}};
    if (action->last_run != 0) shown["LastRunTime"] = seconds_of(action->last_run);
    if (auto due = autoscaler::next_due(*action)) shown["NextTime"] = *due;
    list.push_back(std::move(shown));
  }
  return list;
}

json shown_activities(const state::List<state::ScalingActivity>& activities, std::size_t most) {
  auto list = json::array();
  for (auto at = activities.rbegin(); at != activities.rend() && list.size() < most; ++at) list.push_back(shown_activity(**at));
  return list;
}

void add_insight(const Call& call, const state::ScalableTarget& target, json& shown) {
  if (!call.parts.scaling_insight) return;
  auto insight = call.parts.scaling_insight({target.account, target.dimension, target.resource_id});
  if (!insight) return;
  shown["InFlight"] = insight->in_flight;
  shown["Held"] = insight->held;
  shown["ExpectedStart"] = insight->start.text();
  shown["ExpectedStartSeconds"] = std::chrono::duration<double>(insight->start.time).count();
  if (insight->rate) shown["RequestsPerSecond"] = *insight->rate;
  if (insight->service_seconds) shown["ServiceSeconds"] = *insight->service_seconds;
}

json shown_target(const Call& call, const View& view, const state::ScalableTarget& target,
                  const autoscaler::ScalingResource& resource, std::size_t most) {
  auto scaled = state::scaled_of(target);
  auto policies = view.scaling_policies(scaled);
  auto tag = autoscaler::tag_of(*resource.endpoint, resource.component.get(), autoscaler::kDetectorTag);
  json shown{{"ResourceId", target.resource_id},
             {"ScalableDimension", target.dimension},
             {"Mode", autoscaler::own_policy(policies, tag) ? "own" : "aws"},
             {"MinCapacity", target.capacity_min},
             {"MaxCapacity", target.capacity_max},
             {"DesiredCapacity", resource.desired},
             {"ReadyCapacity", resource.ready},
             {"PendingCapacity", resource.pending()},
             {"ScaleOutSuspended", target.out_suspended},
             {"ScaleInSuspended", target.in_suspended},
             {"ScheduledSuspended", target.scheduled_suspended},
             {"Policies", json::array()},
             {"Alarms", shown_alarms(view, target.account, policies)},
             {"ScheduledActions", shown_schedules(view.scheduled_actions(scaled))},
             {"Activities", shown_activities(view.scaling_activities(scaled), most)}};
  if (!resource.busy.empty()) shown["NotScalable"] = resource.busy;
  if (!resource.failure.empty()) shown["Failure"] = resource.failure;
  for (const auto& policy : policies) shown["Policies"].push_back(shown_policy(*policy, tag));
  add_insight(call, target, shown);
  return shown;
}

}  // namespace

Result<json> describe_scaling(const Call& call) {
  auto view = call.state().view();
  auto name = text_or(call.input, "EndpointName");
  auto endpoint = view.endpoint(call.named(name));
  if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
  const auto most = static_cast<std::size_t>(int_or(call.input, "MaxResults", kScalingActivitiesShown));
  json answer{{"EndpointName", endpoint->name}, {"Targets", json::array()}};
  for (const auto& target : view.scalable_targets(call.account)) {
    auto resource = autoscaler::find_resource(view, state::scaled_of(*target));
    if (!resource || resource->endpoint->uid != endpoint->uid) continue;
    answer["Targets"].push_back(shown_target(call, view, *target, *resource, most));
  }
  return answer;
}

}  // namespace zeropull::api
