#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/arns.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/api/pages.h"
#include "control/api/specs.h"
#include "control/api/statuses.h"
#include "control/state/ids.h"

namespace zeropull::api {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

// The endpoint's variant that a component goes to: the one that is named, or the only one.
Result<const state::Variant*> variant_for(const state::Endpoint& endpoint, const std::string& name) {
  if (name.empty() && endpoint.variants.size() != 1) {
    return make_error(Code::kInvalidArgument, "The endpoint has {} variants; VariantName must say which.",
                      endpoint.variants.size());
  }
  auto found = name.empty() ? endpoint.variants.begin() : std::ranges::find(endpoint.variants, name, &state::Variant::name);
  if (found == endpoint.variants.end()) {
    return make_error(Code::kInvalidArgument,
                      "The variant name(s) \"{}\" is/are not present within endpoint configuration \"{}\".", name,
                      endpoint.config_name);
  }
  if (!found->model_name.empty()) {
    return make_error(Code::kInvalidArgument,
                      "Invalid request provided: Inference Components are not supported in this Endpoint. Please make sure this "
                      "endpoint can deploy inference components.");
  }
  return &*found;
}

Result<int> copy_count(const json& runtime) {
  int count = int_or(runtime, "CopyCount", 1);
  if (count > static_cast<int>(kCopiesMax)) {
    return make_error(Code::kResourceExhausted, "CopyCount {} is above the limit of {} copies of an inference component.", count,
                      kCopiesMax);
  }
  return count;
}

// What Describe gives back: the specifications alone.
std::string specification_body(const json& input) {
  json body;
  for (const auto* member : {"Specification", "Specifications"}) {
    if (has(input, member)) body[member] = input[member];
  }
  return codec::json_text(body);
}

Result<state::Ptr<state::Component>> changeable(const Call& call, const View& view) {
  auto name = text_or(call.input, "InferenceComponentName");
  auto component = view.component(call.named(name));
  if (component == nullptr) return not_found(call, kComponentArn, name);
  if (component->status == state::ComponentStatus::kDeleting) {
    return make_error(Code::kFailedPrecondition, "Cannot update inference component \"{}\": DELETE_IN_PROGRESS.",
                      arn_of(call, kComponentArn, name));
  }
  return component;
}

// A component that was never in service is still Creating after a change.
void mark_changed(const Call& call, state::Component& component) {
  if (component.status != state::ComponentStatus::kCreating) component.status = state::ComponentStatus::kUpdating;
  component.failure_reason.clear();
  component.modified = call.now;
}

json component_arn_answer(const Call& call) {
  return {{"InferenceComponentArn", arn_of(call, kComponentArn, text_or(call.input, "InferenceComponentName"))}};
}

// The endpoint of a component that is being created or changed.
Result<state::Ptr<state::Endpoint>> living_endpoint(const Call& call, const View& view, const std::string& name) {
  auto endpoint = view.endpoint(call.named(name));
  if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
  if (endpoint->status == state::EndpointStatus::kDeleting) {
    return make_error(Code::kFailedPrecondition, "Endpoint \"{}\" is being deleted.", arn_of(call, kEndpointArn, name));
  }
  return endpoint;
}

}  // namespace

Result<json> create_component(const Call& call) {
  state::Component component;
  component.account = call.account;
  component.name = text_or(call.input, "InferenceComponentName");
  component.uid = state::random_hex(*call.parts.random, 16);
  component.endpoint_name = text_or(call.input, "EndpointName");
  component.body = specification_body(call.input);
  component.desired_copies = TRY(copy_count(call.input.value("RuntimeConfig", json::object())));
  component.created = component.modified = call.now;
  component.tags = TRY(tags_of(call.input));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    if (view.component(call.named(component.name)) != nullptr) return already_exists(call, kComponentArn, component.name);
    auto endpoint = TRY(living_endpoint(call, view, component.endpoint_name));
    if (view.components(call.account).size() >= kObjectsPerAccountMax) {
      return make_error(Code::kResourceExhausted, "The account has {} inference components; delete some first.",
                        kObjectsPerAccountMax);
    }
    const auto* variant = TRY(variant_for(*endpoint, text_or(call.input, "VariantName")));
    component.endpoint_uid = endpoint->uid;
    component.variant = variant->name;
    component.specs = TRY(specs_of(call, view, *variant));
    Changes changes;
    changes.expect(endpoint);  // so that none comes to an endpoint whose deletion did not see it
    changes.add(component);
    return changes;
  }));
  return component_arn_answer(call);
}

Result<json> list_components(const Call& call) {
  auto components = call.state().view().components(call.account);
  auto endpoint = text_or(call.input, "EndpointNameEquals");
  auto variant = text_or(call.input, "VariantNameEquals");
  std::vector<PageRow> rows;
  for (std::size_t i = 0; i < components.size(); ++i) {
    const auto& component = *components[i];
    if (component.implicit || (!endpoint.empty() && component.endpoint_name != endpoint)) continue;
    if (!variant.empty() && component.variant != variant) continue;
    rows.push_back({component.name, status_name(component.status), component.created, component.modified, i});
  }
  auto page = TRY(select_page(call.input, std::move(rows)));
  return page_answer("InferenceComponents", page, [&](std::size_t i) {
    const auto& component = *components[i];
    return json{{"InferenceComponentName", component.name},
                {"InferenceComponentArn", arn_of(call, kComponentArn, component.name)},
                {"EndpointName", component.endpoint_name},
                {"EndpointArn", arn_of(call, kEndpointArn, component.endpoint_name)},
                {"VariantName", component.variant},
                {"InferenceComponentStatus", status_name(component.status)},
                {"CreationTime", seconds_of(component.created)},
                {"LastModifiedTime", seconds_of(component.modified)}};
  });
}

// A specification replaces the whole of the one before; its image is resolved again, also when it is the same.
Result<json> update_component(const Call& call) {
  bool specified = has(call.input, "Specification") || has(call.input, "Specifications");
  if (!specified && !has(call.input, "RuntimeConfig")) {
    return make_error(Code::kInvalidArgument, "The request needs a Specification, Specifications or a RuntimeConfig.");
  }
  if (!specified && has(call.input, "DeploymentConfig")) {
    return make_error(Code::kInvalidArgument, "DeploymentConfig needs a Specification or Specifications to deploy.");
  }
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto component = TRY(changeable(call, view));
    state::Component next = *component;
    Changes changes;
    if (specified) {
      auto endpoint = TRY(living_endpoint(call, view, component->endpoint_name));
      const auto* variant = TRY(variant_for(*endpoint, component->variant));
      next.specs = TRY(specs_of(call, view, *variant));
      next.body = specification_body(call.input);
      ++next.spec_revision;
      next.deployment_body = has(call.input, "DeploymentConfig") ? codec::json_text(call.input["DeploymentConfig"]) : "";
    }
    if (has(call.input, "RuntimeConfig")) next.desired_copies = TRY(copy_count(call.input["RuntimeConfig"]));
    mark_changed(call, next);
    changes.put(component, std::move(next));
    return changes;
  }));
  return component_arn_answer(call);
}

Result<json> update_component_runtime_config(const Call& call) {
  int copies = TRY(copy_count(call.input["DesiredRuntimeConfig"]));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto component = TRY(changeable(call, view));
    state::Component next = *component;
    next.desired_copies = copies;
    mark_changed(call, next);
    Changes changes;
    changes.put(component, std::move(next));
    return changes;
  }));
  return component_arn_answer(call);
}

// In any status. A second call finds it Deleting and changes nothing.
Result<json> delete_component(const Call& call) {
  auto name = text_or(call.input, "InferenceComponentName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto component = view.component(call.named(name));
    if (component == nullptr) return not_found(call, kComponentArn, name);
    Changes changes;
    if (component->status == state::ComponentStatus::kDeleting) return changes;
    autoscaling::remove_targets_of_component(view, *component, changes);
    state::Component next = *component;
    next.status = state::ComponentStatus::kDeleting;
    next.modified = call.now;
    changes.put(component, std::move(next));
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api
