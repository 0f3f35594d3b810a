#include "control/state/scaling_names.h"

#include <fmt/format.h>

namespace zeropull::state {

namespace {

constexpr std::string_view kComponentPrefix = "inference-component/";
constexpr std::string_view kEndpointPrefix = "endpoint/";
constexpr std::string_view kVariantInfix = "/variant/";

// What comes before the next `end`, which both are taken off.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  auto at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  auto taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

bool is_name(std::string_view text) { return !text.empty() && text.find('/') == std::string_view::npos; }

}  // namespace

std::optional<ScaledResource> parse_resource_id(std::string_view dimension, std::string_view resource_id) {
  if (dimension == kComponentDimension) {
    if (!resource_id.starts_with(kComponentPrefix)) return std::nullopt;
    auto name = resource_id.substr(kComponentPrefix.size());
    if (!is_name(name)) return std::nullopt;
    return ScaledResource{.endpoint = {}, .variant = {}, .component = name};
  }
  if (dimension != kVariantDimension || !resource_id.starts_with(kEndpointPrefix)) return std::nullopt;
  auto rest = resource_id.substr(kEndpointPrefix.size());
  auto endpoint = take_until(rest, kVariantInfix);
  if (!endpoint || !is_name(*endpoint) || !is_name(rest)) return std::nullopt;
  return ScaledResource{.endpoint = *endpoint, .variant = rest, .component = {}};
}

std::string variant_resource_id(std::string_view endpoint, std::string_view variant) {
  return fmt::format("{}{}{}{}", kEndpointPrefix, endpoint, kVariantInfix, variant);
}
std::string component_resource_id(std::string_view component) { return fmt::format("{}{}", kComponentPrefix, component); }

std::string target_arn(std::string_view region, const ScalableTarget& target) {
  return fmt::format("arn:aws:application-autoscaling:{}:{}:scalable-target/{}", region, target.account, target.id);
}
std::string policy_arn(std::string_view region, const ScalingPolicy& policy) {
  return fmt::format("arn:aws:autoscaling:{}:{}:scalingPolicy:{}:resource/sagemaker/{}:policyName/{}", region, policy.account,
                     policy.id, policy.resource_id, policy.name);
}
std::string scheduled_action_arn(std::string_view region, const ScheduledAction& action) {
  return fmt::format("arn:aws:autoscaling:{}:{}:scheduledAction:{}:resource/sagemaker/{}:scheduledActionName/{}", region,
                     action.account, action.id, action.resource_id, action.name);
}
std::string alarm_arn(std::string_view region, const Alarm& alarm) {
  return fmt::format("arn:aws:cloudwatch:{}:{}:alarm:{}", region, alarm.account, alarm.name);
}

std::optional<PolicyAction> parse_policy_action(std::string_view action) {
  constexpr std::string_view kPrefix = "arn:aws:autoscaling:";
  if (!action.starts_with(kPrefix)) return std::nullopt;
  action.remove_prefix(kPrefix.size());
  auto region = take_until(action, ":");
  auto account = take_until(action, ":scalingPolicy:");
  auto id = take_until(action, ":resource/");
  if (!region || !account || !id || id->empty()) return std::nullopt;
  return PolicyAction{.region = *region, .account = *account, .policy_id = *id};
}

}  // namespace zeropull::state
