#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/operations.h"
#include "control/api/specs.h"
#include "control/api/statuses.h"

namespace zeropull::api {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

state::Variant* find_variant(std::vector<state::Variant>& variants, std::string_view name) {
  auto found = std::ranges::find(variants, name, &state::Variant::name);
  return found == variants.end() ? nullptr : &*found;
}

// The endpoint, if it may be updated.
Result<state::Ptr<state::Endpoint>> updatable(const Call& call, const View& view) {
  auto name = text_or(call.input, "EndpointName");
  auto endpoint = view.endpoint(call.named(name));
  if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
  if (in_progress(endpoint->status)) {
    return make_error(Code::kFailedPrecondition, "Cannot update in-progress endpoint \"{}\".", arn_of(call, kEndpointArn, name));
  }
  if (endpoint->status == state::EndpointStatus::kFailed) {
    return make_error(Code::kFailedPrecondition, "Cannot update failed endpoint \"{}\": {}; delete it and create it again.",
                      arn_of(call, kEndpointArn, name), endpoint->failure_reason);
  }
  return endpoint;
}

// RetainAllVariantProperties: what runs now wins over the configuration, except for what the caller excludes.
void retain_properties(const Call& call, const state::Endpoint& endpoint, std::vector<state::Variant>& pending) {
  if (!bool_or(call.input, "RetainAllVariantProperties", false)) return;
  bool count = true;
  bool weight = true;
  if (has(call.input, "ExcludeRetainedVariantProperties")) {
    for (const auto& property : call.input["ExcludeRetainedVariantProperties"]) {
      auto type = text_or(property, "VariantPropertyType");
      if (type == "DesiredInstanceCount") count = false;
      if (type == "DesiredWeight") weight = false;
    }
  }
  for (const auto& now : endpoint.variants) {
    auto* next = find_variant(pending, now.name);
    if (next == nullptr) continue;
    if (count) next->desired_instances = now.desired_instances;
    if (weight) next->desired_weight = next->current_weight = now.desired_weight;
  }
}

// Components stay where they are: their variants must still be there, and be able to hold them.
Result<void> keep_components(const View& view, const state::Endpoint& endpoint, std::vector<state::Variant>& pending,
                             const std::string& config) {
  for (const auto& component : view.components_of_endpoint(endpoint.uid)) {
    if (component->implicit || component->status == state::ComponentStatus::kDeleting) continue;
    const auto* variant = find_variant(pending, component->variant);
    if (variant == nullptr || !variant->model_name.empty()) {
      return make_error(
          Code::kFailedPrecondition,
          "Inference component \"{}\" runs on variant \"{}\", which endpoint configuration \"{}\" does not have for "
          "inference components. Delete the component first.",
          component->name, component->variant, config);
    }
  }
  return {};
}

Result<void> apply_desired(const json& desired, const std::string& config, std::vector<state::Variant>& variants) {
  auto name = text_or(desired, "VariantName");
  auto* variant = find_variant(variants, name);
  if (variant == nullptr) {
    return make_error(Code::kInvalidArgument,
                      "The variant name(s) \"{}\" is/are not present within endpoint configuration \"{}\".", name, config);
  }
  if (!has(desired, "DesiredWeight") && !has(desired, "DesiredInstanceCount")) {
    return make_error(Code::kInvalidArgument, "Variant \"{}\" needs a DesiredWeight or a DesiredInstanceCount.", name);
  }
  variant->desired_weight = number_or(desired, "DesiredWeight", variant->desired_weight);
  variant->desired_instances = int_or(desired, "DesiredInstanceCount", variant->desired_instances);
  const auto& scaling = variant->scaling;
  if (scaling.enabled && (variant->desired_instances < scaling.min || variant->desired_instances > scaling.max)) {
    return make_error(Code::kInvalidArgument,
                      "DesiredInstanceCount {} of variant \"{}\" is not within MinInstanceCount {} and MaxInstanceCount {}.",
                      variant->desired_instances, name, scaling.min, scaling.max);
  }
  return {};
}

}  // namespace

Result<json> update_endpoint(const Call& call) {
  auto config_name = text_or(call.input, "EndpointConfigName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto endpoint = TRY(updatable(call, view));
    auto config = view.endpoint_config(call.named(config_name));
    if (config == nullptr) return not_found(call, kEndpointConfigArn, config_name);
    const auto config_body = parse_body(config->body);
    auto pending = TRY(variants_of(call, view, config_body));
    retain_properties(call, *endpoint, pending);
    TRY(keep_components(view, *endpoint, pending, config_name));
    state::Endpoint next = *endpoint;
    next.update_body = body_of(call.input);
    next.pending = std::move(pending);
    next.pending_config_name = config_name;
    next.pending_config_body = config->body;
    next.pending_metrics = TRY(metrics_of(config_body));
    next.status = state::EndpointStatus::kUpdating;
    next.modified = call.now;
    ++next.revision_of_spec;
    Changes changes;
    changes.put(endpoint, std::move(next));
    return changes;
  }));
  return json{{"EndpointArn", arn_of(call, kEndpointArn, text_or(call.input, "EndpointName"))}};
}

Result<json> update_endpoint_weights_and_capacities(const Call& call) {
  const auto& desired = call.input["DesiredWeightsAndCapacities"];
  std::set<std::string> names;
  for (const auto& one : desired) {
    if (!names.insert(text_or(one, "VariantName")).second) {
      return make_error(Code::kInvalidArgument, "The variant name \"{}\" was non-unique within the request.",
                        text_or(one, "VariantName"));
    }
  }
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto endpoint = TRY(updatable(call, view));
    state::Endpoint next = *endpoint;
    for (const auto& one : desired) TRY(apply_desired(one, next.config_name, next.variants));
    next.status = state::EndpointStatus::kUpdating;
    next.modified = call.now;
    Changes changes;
    changes.put(endpoint, std::move(next));
    return changes;
  }));
  return json{{"EndpointArn", arn_of(call, kEndpointArn, text_or(call.input, "EndpointName"))}};
}

}  // namespace zeropull::api
