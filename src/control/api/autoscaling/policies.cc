#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/autoscaling/limits.h"
#include "control/api/autoscaling/operations.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/autoscaling/selection.h"
#include "control/api/autoscaling/tracking.h"
#include "control/scaler/step_scaling.h"
#include "control/state/ids.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

constexpr const char* kTrackingMember = "TargetTrackingScalingPolicyConfiguration";
constexpr const char* kStepMember = "StepScalingPolicyConfiguration";

const char* configuration_member(std::string_view type) { return type == state::kTargetTracking ? kTrackingMember : kStepMember; }

Result<void> check_steps(const json& configuration) {
  scaler::StepScaling policy;
  auto type = text_or(configuration, "AdjustmentType");
  if (type.empty()) return make_error(Code::kInvalidArgument, "A step scaling policy needs an AdjustmentType.");
  if (type == "PercentChangeInCapacity") {
    policy.adjustment = scaler::Adjustment::kPercentChangeInCapacity;
  } else if (has(configuration, "MinAdjustmentMagnitude")) {
    return make_error(Code::kInvalidArgument, "MinAdjustmentMagnitude belongs to PercentChangeInCapacity alone.");
  }
  if (type == "ExactCapacity") policy.adjustment = scaler::Adjustment::kExactCapacity;
  policy.magnitude_min = int_or(configuration, "MinAdjustmentMagnitude", 0);
  if (!has(configuration, "StepAdjustments") || configuration["StepAdjustments"].empty()) {
    return make_error(Code::kInvalidArgument, "At least one StepAdjustment must be specified.");
  }
  for (const auto& given : configuration["StepAdjustments"]) {
    scaler::Step step;
    if (has(given, "MetricIntervalLowerBound")) step.lower = number_or(given, "MetricIntervalLowerBound", 0);
    if (has(given, "MetricIntervalUpperBound")) step.upper = number_or(given, "MetricIntervalUpperBound", 0);
    step.adjustment = int_or(given, "ScalingAdjustment", 0);
    policy.steps.push_back(step);
  }
  return scaler::validate(policy);
}

// The policy's type: as given, or as it is; it never changes.
Result<std::string> type_of(const json& input, const state::ScalingPolicy* was) {
  auto given = text_or(input, "PolicyType");
  if (was == nullptr && given.empty()) return make_error(Code::kInvalidArgument, "A new scaling policy needs a PolicyType.");
  if (was != nullptr && !given.empty() && given != was->type) {
    return make_error(Code::kInvalidArgument, "The scaling policy {} is of type {}, which cannot be changed.", was->name,
                      was->type);
  }
  return was != nullptr ? was->type : given;
}

// The configuration of the policy's type, and of no other.
Result<json> configuration_of(const json& input, const std::string& type, const state::ScalingPolicy* was) {
  const auto* wanted = configuration_member(type);
  for (const auto* member : {kTrackingMember, kStepMember}) {
    if (member != wanted && has(input, member)) {
      return make_error(Code::kInvalidArgument, "{} does not belong to a policy of type {}.", member, type);
    }
  }
  if (has(input, wanted)) return input[wanted];
  if (was == nullptr) return make_error(Code::kInvalidArgument, "A policy of type {} needs a {}.", type, wanted);
  return parse_body(was->body);
}

Result<void> check_only_one(const View& view, const Identity& identity, const std::string& name, const json& configuration) {
  for (const auto& other : view.scaling_policies(identity.scaled())) {
    if (other->name != name && other->type == state::kTargetTracking &&
        tracks_same_metric(configuration, parse_body(other->body))) {
      return make_error(Code::kInvalidArgument,
                        "Only one TargetTrackingScaling policy for a given metric specification is allowed; {} has it.",
                        other->name);
    }
  }
  return {};
}

json alarm_name(const Call& call, const state::Alarm& alarm) {
  return {{"AlarmName", alarm.name}, {"AlarmARN", state::alarm_arn(call.parts.region, alarm)}};
}

// Those that target tracking made, or those of callers that invoke the policy.
json alarms_of(const Call& call, const View& view, const state::ScalingPolicy& policy) {
  auto list = json::array();
  if (policy.type == state::kTargetTracking) {
    for (const auto& name : {policy.alarm_high, policy.alarm_low}) {
      if (auto alarm = view.alarm(call.named(name))) list.push_back(alarm_name(call, *alarm));
    }
    return list;
  }
  for (const auto& alarm : view.alarms(call.account)) {
    if (alarm->body.find(policy.id) == std::string::npos) continue;
    list.push_back(alarm_name(call, *alarm));
  }
  return list;
}

json shown(const Call& call, const View& view, const state::ScalingPolicy& policy) {
  return {{"PolicyARN", state::policy_arn(call.parts.region, policy)},
          {"PolicyName", policy.name},
          {"ServiceNamespace", kServiceNamespace},
          {"ResourceId", policy.resource_id},
          {"ScalableDimension", policy.dimension},
          {"PolicyType", policy.type},
          {configuration_member(policy.type), parse_body(policy.body)},
          {"Alarms", alarms_of(call, view, policy)},
          {"CreationTime", seconds_of(policy.created)}};
}

}  // namespace

// A policy that is put again keeps its ARN; its alarms are made anew.
Result<json> put_policy(const Call& call) {
  auto identity = TRY(identity_of(call));
  auto name = text_or(call.input, "PolicyName");
  json answer;
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto target = TRY(registered(view, identity));
    auto was = view.scaling_policy(identity.scaled(), name);
    auto next = next_of(call, identity, was);
    if (was == nullptr) {
      next.name = name;
      next.id = state::random_uuid(*call.parts.random);
      if (view.scaling_policies(identity.scaled()).size() >= kPoliciesPerTargetMax) {
        return make_error(Code::kResourceExhausted, "The scalable target has {} scaling policies; delete some first.",
                          kPoliciesPerTargetMax);
      }
    }
    next.type = TRY(type_of(call.input, was.get()));
    auto configuration = TRY(configuration_of(call.input, next.type, was.get()));
    next.body = codec::json_text(configuration);
    answer = {{"PolicyARN", state::policy_arn(call.parts.region, next)}, {"Alarms", json::array()}};
    Changes changes;
    changes.expect(target);
    if (next.type == state::kTargetTracking) {
      TRY(check_tracking(identity, configuration));
      TRY(check_only_one(view, identity, name, configuration));
      for (const auto& alarm : view.alarms_of_policy(next.id)) changes.remove(alarm);
      auto alarms = tracking_alarms(call, next, configuration);
      next.alarm_high = alarms.high.name;
      next.alarm_low = alarms.low.name;
      answer["Alarms"] = {alarm_name(call, alarms.high), alarm_name(call, alarms.low)};
      changes.add(std::move(alarms.high));
      changes.add(std::move(alarms.low));
    } else {
      TRY(check_steps(configuration));
    }
    changes.put_or_add(was, std::move(next));
    return changes;
  }));
  return answer;
}

Result<json> describe_policies(const Call& call) {
  auto view = call.state().view();
  auto policies = view.scaling_policies(call.account);
  TRY(keep_selected(call, "PolicyNames", policies));
  return listed(call, "ScalingPolicies", policies, kPolicyPageDefault,
                [&](const state::ScalingPolicy& policy) { return shown(call, view, policy); });
}

Result<json> delete_policy(const Call& call) {
  auto identity = TRY(identity_of(call));
  auto name = text_or(call.input, "PolicyName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto policy = view.scaling_policy(identity.scaled(), name);
    if (policy == nullptr) {
      return make_error(Code::kNotFound, "No scaling policy found for {}, policy name: {}", identity.text(), name);
    }
    Changes changes;
    remove_policies(view, {policy}, changes);
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api::autoscaling
