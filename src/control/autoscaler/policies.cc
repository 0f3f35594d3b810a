#include "control/autoscaler/policies.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/autoscaler/limits.h"
#include "control/autoscaler/stored_body.h"
#include "control/scaler/limits.h"
#include "control/state/scaling_names.h"

namespace zeropull::autoscaler {

using nlohmann::json;

namespace {

Result<json> body_of(const std::string& text, std::string_view what, std::string_view name) {
  return codec::parse_json(text, {.size_max = kBodyMax}).with_context("{} {}", what, name);
}

// JSON numbers are integers or not as the caller wrote them.
std::optional<double> number_at(const json& value, std::string_view at) {
  const auto* found = codec::json_find(value, at);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::optional<std::chrono::seconds> seconds_at(const json& value, std::string_view at) {
  auto number = number_at(value, at);
  return number ? std::optional(std::chrono::seconds(static_cast<std::int64_t>(*number))) : std::nullopt;
}

std::optional<int> int_at(const json& value, std::string_view at) {
  auto number = number_at(value, at);
  if (!number) return std::nullopt;
  return static_cast<int>(std::clamp(*number, -double{scaler::kCapacityMax}, double{scaler::kCapacityMax}));
}

}  // namespace

std::string_view detector_name(Detector detector) { return detector == Detector::kOwn ? "own" : "aws"; }

Result<TrackingPolicy> parse_tracking(const state::ScalingPolicy& policy) {
  auto body = TRY(body_of(policy.body, "policy", policy.name));
  TrackingPolicy parsed;
  parsed.tracking.target = number_at(body, "TargetValue").value_or(0);
  if (!(parsed.tracking.target > 0)) {
    return make_error(Code::kInvalidArgument, "policy {}: TargetValue must be above 0", policy.name);
  }
  parsed.tracking.out_cooldown = seconds_at(body, "ScaleOutCooldown").value_or(parsed.tracking.out_cooldown);
  parsed.tracking.in_cooldown = seconds_at(body, "ScaleInCooldown").value_or(parsed.tracking.in_cooldown);
  const auto* no_scale_in = codec::json_find(body, "DisableScaleIn");
  parsed.tracking.scale_in = no_scale_in == nullptr || !no_scale_in->is_boolean() || !no_scale_in->get<bool>();
  parsed.predefined = text_at(body, "/PredefinedMetricSpecification/PredefinedMetricType");
  parsed.high_resolution = parsed.predefined.ends_with("HighResolution");
  parsed.per_minute = parsed.predefined == "SageMakerVariantInvocationsPerInstance" ||
                      parsed.predefined == "SageMakerInferenceComponentInvocationsPerCopy";
  return parsed;
}

Result<scaler::StepScaling> parse_step(const state::ScalingPolicy& policy) {
  auto body = TRY(body_of(policy.body, "policy", policy.name));
  scaler::StepScaling parsed;
  auto adjustment = text_at(body, "AdjustmentType");
  if (adjustment == "PercentChangeInCapacity") parsed.adjustment = scaler::Adjustment::kPercentChangeInCapacity;
  if (adjustment == "ExactCapacity") parsed.adjustment = scaler::Adjustment::kExactCapacity;
  auto aggregation = text_at(body, "MetricAggregationType");
  if (aggregation == "Minimum") parsed.aggregation = scaler::Aggregation::kMinimum;
  if (aggregation == "Maximum") parsed.aggregation = scaler::Aggregation::kMaximum;
  parsed.cooldown = seconds_at(body, "Cooldown").value_or(parsed.cooldown);
  parsed.magnitude_min = int_at(body, "MinAdjustmentMagnitude").value_or(0);
  const json* steps = TRY(codec::json_array(body, "StepAdjustments").with_context("policy {}", policy.name));
  for (const auto& step : *steps) {
    parsed.steps.push_back({.lower = number_at(step, "MetricIntervalLowerBound"),
                            .upper = number_at(step, "MetricIntervalUpperBound"),
                            .adjustment = int_at(step, "ScalingAdjustment").value_or(0)});
  }
  return parsed;
}

std::string tag_of(const state::Endpoint& endpoint, const state::Component* component, const char* tag) {
  if (component != nullptr && component->tags.contains(tag)) return component->tags.at(tag);
  auto at = endpoint.tags.find(tag);
  return at == endpoint.tags.end() ? "" : at->second;
}

Detector detector_of(const TrackingPolicy& policy, const std::string& tag) {
  if (tag == "aws" || (!policy.high_resolution && !policy.per_minute)) return Detector::kAws;
  return policy.high_resolution || tag == "own" ? Detector::kOwn : Detector::kAws;
}

std::optional<OwnPolicy> own_policy(const state::List<state::ScalingPolicy>& policies, const std::string& tag) {
  for (const auto& policy : policies) {
    if (policy->type != state::kTargetTracking) continue;
    auto parsed = parse_tracking(*policy);
    if (parsed.ok() && detector_of(*parsed, tag) == Detector::kOwn) return OwnPolicy{policy, std::move(*parsed)};
  }
  return std::nullopt;
}

Result<Scheduled> parse_scheduled(const state::ScheduledAction& action) {
  auto body = TRY(body_of(action.body, "scheduled action", action.name));
  auto schedule = TRY(scaler::Schedule::parse(text_at(body, "Schedule")));
  Scheduled parsed{.schedule = std::move(schedule), .zone = {}, .capacity_min = {}, .capacity_max = {}};
  auto zone = text_at(body, "Timezone");
  if (!zone.empty()) parsed.zone = TRY(scaler::TimeZone::load(zone));
  parsed.capacity_min = int_at(body, "/ScalableTargetAction/MinCapacity");
  parsed.capacity_max = int_at(body, "/ScalableTargetAction/MaxCapacity");
  return parsed;
}

}  // namespace zeropull::autoscaler
