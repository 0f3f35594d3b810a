#include "control/api/autoscaling/tracking.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/input.h"
#include "control/api/metric_queries.h"
#include "control/scaler/target_tracking.h"
#include "control/state/ids.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using scaler::Resolution;

namespace {

// What a predefined type stands for.
struct Predefined {
  std::string_view type, dimension, metric, statistic;
  Resolution resolution;
};
constexpr std::array kPredefined{
    Predefined{"SageMakerVariantInvocationsPerInstance", state::kVariantDimension, "InvocationsPerInstance", "Sum",
               Resolution::kStandard},
    Predefined{"SageMakerInferenceComponentInvocationsPerCopy", state::kComponentDimension, "InvocationsPerCopy", "Sum",
               Resolution::kStandard},
    Predefined{"SageMakerVariantConcurrentRequestsPerModelHighResolution", state::kVariantDimension, "ConcurrentRequestsPerModel",
               "Maximum", Resolution::kHigh},
    Predefined{"SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", state::kComponentDimension,
               "ConcurrentRequestsPerCopy", "Maximum", Resolution::kHigh},
};
constexpr std::string_view kSageMakerNamespace = "AWS/SageMaker";

const Predefined& predefined(const json& configuration) {
  auto type = text_or(configuration["PredefinedMetricSpecification"], "PredefinedMetricType");
  return *std::ranges::find(kPredefined, type, &Predefined::type);  // the shape has no other
}

json dimensions_of(const state::ScalingPolicy& policy) {
  auto resource = *state::parse_resource_id(policy.dimension, policy.resource_id);
  if (!resource.component.empty()) return {{{"Name", "InferenceComponentName"}, {"Value", resource.component}}};
  return {{{"Name", "EndpointName"}, {"Value", resource.endpoint}}, {{"Name", "VariantName"}, {"Value", resource.variant}}};
}

// What an alarm watches, in PutMetricAlarm's words, and at which resolution.
struct Watched {
  json metric = json::object();
  std::string statistic;
  Resolution resolution = Resolution::kStandard;
};

Watched watched(const state::ScalingPolicy& policy, const json& configuration) {
  if (has(configuration, "PredefinedMetricSpecification")) {
    const auto& known = predefined(configuration);
    return {.metric = {{"MetricName", known.metric},
                       {"Namespace", kSageMakerNamespace},
                       {"Dimensions", dimensions_of(policy)},
                       {"Statistic", known.statistic}},
            .statistic = std::string(known.statistic),
            .resolution = known.resolution};
  }
  const auto& customized = configuration["CustomizedMetricSpecification"];
  if (!has(customized, "Metrics")) {
    return {.metric = customized, .statistic = text_or(customized, "Statistic"), .resolution = Resolution::kStandard};
  }
  auto queries = customized["Metrics"];
  for (auto& query : queries) {
    if (has(query, "MetricStat")) query["MetricStat"]["Period"] = 60;
    query.emplace("ReturnData", true);
  }
  return {.metric = {{"Metrics", std::move(queries)}}, .statistic = "Average", .resolution = Resolution::kStandard};
}

state::Alarm alarm(const Call& call, const state::ScalingPolicy& policy, std::string_view end, const Watched& watched,
                   const scaler::AlarmRule& rule, const std::string& action) {
  state::Alarm made;
  made.account = policy.account;
  made.name = fmt::format("TargetTracking-{}-{}-{}", policy.resource_id, end, state::random_uuid(*call.parts.random));
  made.policy_id = policy.id;
  made.created = made.configured = call.now;
  made.status.updated = made.status.transitioned = call.now / 1000;
  auto body = watched.metric;
  body["AlarmName"] = made.name;
  body["AlarmDescription"] = fmt::format("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", action);
  body["OKActions"] = json::array();
  body["AlarmActions"] = json::array({action});
  body["InsufficientDataActions"] = json::array();
  body["EvaluationPeriods"] = rule.periods;
  body["Threshold"] = rule.threshold;
  body["ComparisonOperator"] = scaler::comparison_name(rule.comparison);
  body["TreatMissingData"] = "missing";
  if (!has(body, "Metrics")) {
    body["Period"] = rule.period;
    body.emplace("Dimensions", json::array());
  }
  made.body = codec::json_text(body);
  return made;
}

Result<void> check_customized(const std::string& account, const json& customized) {
  bool single = has(customized, "MetricName") || has(customized, "Namespace") || has(customized, "Statistic") ||
                has(customized, "Dimensions") || has(customized, "Unit");
  if (has(customized, "Metrics")) {
    if (single) return make_error(Code::kInvalidArgument, "CustomizedMetricSpecification has either Metrics or one metric.");
    return check_watched(account, customized["Metrics"]);
  }
  for (const auto* member : {"MetricName", "Namespace", "Statistic"}) {
    if (!has(customized, member)) {
      return make_error(Code::kInvalidArgument, "CustomizedMetricSpecification needs a {}, or Metrics.", member);
    }
  }
  auto key = TRY(series_key(account, customized));
  TRY(series::canonical(key));
  return {};
}

}  // namespace

Result<void> check_tracking(const Identity& identity, const json& configuration) {
  if (number_or(configuration, "TargetValue", 0) <= 0) {
    return make_error(Code::kInvalidArgument, "TargetValue must be greater than 0.");
  }
  bool customized = has(configuration, "CustomizedMetricSpecification");
  if (customized == has(configuration, "PredefinedMetricSpecification")) {
    return make_error(Code::kInvalidArgument,
                      "A target tracking policy needs either a PredefinedMetricSpecification or a "
                      "CustomizedMetricSpecification.");
  }
  if (customized) return check_customized(identity.account, configuration["CustomizedMetricSpecification"]);
  const auto& known = predefined(configuration);
  if (known.dimension != identity.dimension) {
    return make_error(Code::kInvalidArgument, "The predefined metric type {} is not supported for the scalable dimension {}.",
                      known.type, identity.dimension);
  }
  return {};
}

bool tracks_same_metric(const json& one, const json& other) {
  for (const auto* member : {"PredefinedMetricSpecification", "CustomizedMetricSpecification"}) {
    if (has(one, member) && has(other, member) && one[member] == other[member]) return true;
  }
  return false;
}

TrackingAlarms tracking_alarms(const Call& call, const state::ScalingPolicy& policy, const json& configuration) {
  auto seen = watched(policy, configuration);
  scaler::TargetTracking tracking;
  tracking.target = number_or(configuration, "TargetValue", 1);
  auto action =
      fmt::format("{}:createdBy/{}", state::policy_arn(call.parts.region, policy), state::random_uuid(*call.parts.random));
  return {.high = alarm(call, policy, "AlarmHigh", seen, scaler::alarm_high(tracking, seen.resolution, seen.statistic), action),
          .low = alarm(call, policy, "AlarmLow", seen, scaler::alarm_low(tracking, seen.resolution, seen.statistic), action)};
}

}  // namespace zeropull::api::autoscaling
