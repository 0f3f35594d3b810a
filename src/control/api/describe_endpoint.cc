#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/operations.h"
#include "control/api/statuses.h"

namespace zeropull::api {

using nlohmann::json;

namespace {

// What runs for one endpoint.
struct Running {
  state::List<state::Instance> instances;
  state::List<state::Component> components;
};

int ready_instances(const Running& running, const state::Variant& variant, std::string_view type = "") {
  return static_cast<int>(std::ranges::count_if(running.instances, [&](const auto& instance) {
    return instance->variant == variant.name && instance->state == state::InstanceState::kReady &&
           (type.empty() || instance->instance_type == type);
  }));
}

json images_of(const Running& running, const state::Variant& variant) {
  auto images = json::array();
  for (const auto& component : running.components) {
    if (!component->implicit || component->variant != variant.name) continue;
    for (const auto& spec : component->specs) {
      if (spec.container.resolved_image.empty()) continue;
      images.push_back({{"SpecifiedImage", spec.container.image},
                        {"ResolvedImage", spec.container.resolved_image},
                        {"ResolutionTime", seconds_of(spec.container.resolved)}});
    }
  }
  return images;
}

// Why it has not what it should have is said in any status of the endpoint, also in service.
json variant_statuses(const state::Endpoint& endpoint, const state::Variant& variant, std::string_view moving) {
  if (moving.empty() && variant.status_message.empty()) return json::array();
  json status{{"Status", moving.empty() ? "Updating" : moving}, {"StartTime", seconds_of(endpoint.modified)}};
  if (!variant.status_message.empty()) status["StatusMessage"] = variant.status_message;
  return json::array({std::move(status)});
}

std::string_view moving_status(state::EndpointStatus status) {
  switch (status) {
    case state::EndpointStatus::kCreating: return "Creating";
    case state::EndpointStatus::kUpdating:
    case state::EndpointStatus::kRollingBack: return "Updating";
    case state::EndpointStatus::kDeleting: return "Deleting";
    default: return "";
  }
}

json common_summary(const state::Endpoint& endpoint, const state::Variant& variant, std::string_view moving) {
  json summary{{"VariantName", variant.name},
               {"CurrentWeight", variant.current_weight},
               {"DesiredWeight", variant.desired_weight},
               {"DesiredInstanceCount", variant.desired_instances}};
  auto statuses = variant_statuses(endpoint, variant, moving);
  if (!statuses.empty()) summary["VariantStatus"] = std::move(statuses);
  if (variant.scaling.enabled) {
    summary["ManagedInstanceScaling"] = {
        {"Status", "ENABLED"}, {"MinInstanceCount", variant.scaling.min}, {"MaxInstanceCount", variant.scaling.max}};
  }
  summary["RoutingConfig"] = {
      {"RoutingStrategy", variant.routing == state::Routing::kRandom ? "RANDOM" : "LEAST_OUTSTANDING_REQUESTS"}};
  return summary;
}

json variant_summary(const state::Endpoint& endpoint, const Running& running, const state::Variant& variant) {
  auto summary = common_summary(endpoint, variant, moving_status(endpoint.status));
  summary["CurrentInstanceCount"] = ready_instances(running, variant);
  auto images = images_of(running, variant);
  if (!images.empty()) summary["DeployedImages"] = std::move(images);
  if (variant.pools.size() > 1) {
    for (const auto& pool : variant.pools) {
      summary["InstancePools"].push_back({{"InstanceType", pool.instance_type},
                                          {"CurrentInstanceCount", ready_instances(running, variant, pool.instance_type)}});
    }
  }
  return summary;
}

json pending_summary(const state::Endpoint& endpoint) {
  auto variants = json::array();
  for (const auto& variant : *endpoint.pending) {
    auto summary = common_summary(endpoint, variant, "Creating");
    summary["CurrentInstanceCount"] = 0;
    if (variant.pools.size() == 1) summary["InstanceType"] = variant.pools[0].instance_type;
    variants.push_back(std::move(summary));
  }
  return {{"EndpointConfigName", endpoint.pending_config_name},
          {"StartTime", seconds_of(endpoint.modified)},
          {"ProductionVariants", std::move(variants)}};
}

}  // namespace

Result<json> describe_endpoint(const Call& call) {
  auto name = text_or(call.input, "EndpointName");
  state::Ptr<state::Endpoint> endpoint;
  Running running;
  {
    auto view = call.state().view();
    endpoint = view.endpoint(call.named(name));
    if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
    running.instances = view.instances_of_endpoint(endpoint->uid);
    running.components = view.components_of_endpoint(endpoint->uid);
  }
  json answer{{"EndpointName", endpoint->name},
              {"EndpointArn", arn_of(call, kEndpointArn, endpoint->name)},
              {"EndpointConfigName", endpoint->config_name},
              {"EndpointStatus", status_name(endpoint->status)},
              {"CreationTime", seconds_of(endpoint->created)},
              {"LastModifiedTime", seconds_of(endpoint->modified)}};
  for (const auto& variant : endpoint->variants) {
    answer["ProductionVariants"].push_back(variant_summary(*endpoint, running, variant));
  }
  auto config = parse_body(endpoint->config_body);
  if (has(config, "MetricsConfig")) answer["MetricsConfig"] = std::move(config["MetricsConfig"]);
  if (endpoint->pending) answer["PendingDeploymentSummary"] = pending_summary(*endpoint);
  if (!endpoint->failure_reason.empty()) answer["FailureReason"] = endpoint->failure_reason;
  return answer;
}

}  // namespace zeropull::api
