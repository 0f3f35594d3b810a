#include <map>
#include <nlohmann/json.hpp>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/operations.h"
#include "control/api/statuses.h"

namespace zeropull::api {

using nlohmann::json;

namespace {

// A specification as Describe shows it: the container's image with what it was resolved to.
json shown_specification(json specification, const state::ComponentSpec& spec) {
  if (!has(specification, "Container")) return specification;
  auto& container = specification["Container"];
  json image{{"SpecifiedImage", spec.container.image}};
  if (!spec.container.resolved_image.empty()) {
    image["ResolvedImage"] = spec.container.resolved_image;
    image["ResolutionTime"] = seconds_of(spec.container.resolved);
  }
  container.erase("Image");
  container["DeployedImage"] = std::move(image);
  return specification;
}

void add_specifications(const state::Component& component, json& answer) {
  auto body = parse_body(component.body);
  if (has(body, "Specification") && !component.specs.empty()) {
    answer["Specification"] = shown_specification(body["Specification"], component.specs[0]);
  }
  if (!has(body, "Specifications")) return;
  const auto& given = body["Specifications"];
  for (std::size_t i = 0; i < given.size() && i < component.specs.size(); ++i) {
    answer["Specifications"].push_back(shown_specification(given[i], component.specs[i]));
  }
}

json runtime_config(const state::View& view, const state::Component& component) {
  int ready = 0;
  std::map<std::string, int> by_type;
  for (const auto& copy : view.copies_of_component(component.uid)) {
    if (copy->phase != state::CopyPhase::kReady) continue;
    ++ready;
    if (auto instance = view.instance(copy->instance_id)) ++by_type[instance->instance_type];
  }
  json runtime{{"DesiredCopyCount", component.desired_copies}, {"CurrentCopyCount", ready}};
  for (const auto& [type, count] : by_type) {
    runtime["PlacementStatus"].push_back({{"InstanceType", type}, {"CurrentCopyCount", count}});
  }
  return runtime;
}

}  // namespace

Result<json> describe_component(const Call& call) {
  auto name = text_or(call.input, "InferenceComponentName");
  auto view = call.state().view();
  auto component = view.component(call.named(name));
  if (component == nullptr) return not_found(call, kComponentArn, name);
  json answer{{"InferenceComponentName", component->name},
              {"InferenceComponentArn", arn_of(call, kComponentArn, component->name)},
              {"EndpointName", component->endpoint_name},
              {"EndpointArn", arn_of(call, kEndpointArn, component->endpoint_name)},
              {"VariantName", component->variant},
              {"InferenceComponentStatus", status_name(component->status)},
              {"RuntimeConfig", runtime_config(view, *component)},
              {"CreationTime", seconds_of(component->created)},
              {"LastModifiedTime", seconds_of(component->modified)}};
  add_specifications(*component, answer);
  if (!component->failure_reason.empty()) answer["FailureReason"] = component->failure_reason;
  if (!component->deployment_body.empty()) answer["LastDeploymentConfig"] = parse_body(component->deployment_body);
  return answer;
}

}  // namespace zeropull::api
