// Names of what scales, its policies and alarms as Application Auto Scaling and CloudWatch write them. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/state/scaling_records.h"

namespace zeropull::state {

inline constexpr std::string_view kVariantDimension = "sagemaker:variant:DesiredInstanceCount";
inline constexpr std::string_view kComponentDimension = "sagemaker:inference-component:DesiredCopyCount";
inline constexpr std::string_view kTargetTracking = "TargetTrackingScaling";
inline constexpr std::string_view kStepScaling = "StepScaling";
// Activities that are kept of a resource. AWS keeps six weeks; 200 are a day of a scaling every seven minutes.
inline constexpr std::size_t kActivitiesPerTargetMax = 200;

// What a resource id names; views into it. Of a variant `component` is "", of a component the others are.
struct ScaledResource {
  std::string_view endpoint, variant, component;
};
// nullopt: not a resource id of this dimension.
std::optional<ScaledResource> parse_resource_id(std::string_view dimension, std::string_view resource_id);
std::string variant_resource_id(std::string_view endpoint, std::string_view variant);
std::string component_resource_id(std::string_view component);

// "arn:aws:application-autoscaling:<region>:<account>:scalable-target/<id>"
std::string target_arn(std::string_view region, const ScalableTarget& target);
// "arn:aws:autoscaling:<region>:<account>:scalingPolicy:<id>:resource/sagemaker/<resource id>:policyName/<name>"
std::string policy_arn(std::string_view region, const ScalingPolicy& policy);
// "arn:aws:autoscaling:<region>:<account>:scheduledAction:<id>:resource/sagemaker/<resource id>:scheduledActionName/<name>"
std::string scheduled_action_arn(std::string_view region, const ScheduledAction& action);
// "arn:aws:cloudwatch:<region>:<account>:alarm:<name>"
std::string alarm_arn(std::string_view region, const Alarm& alarm);

// Which policy an alarm's action invokes: the parts of a policy's ARN, with or without ":createdBy/<uuid>" at its end. nullopt:
// the action is something else.
struct PolicyAction {
  std::string_view region, account, policy_id;
};
std::optional<PolicyAction> parse_policy_action(std::string_view action);

}  // namespace zeropull::state
