#include "control/autoscaler/resource.h"

#include <algorithm>

#include "control/fleet/steps.h"
#include "control/scaler/sentences.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

// While an update is carried out it decides what there shall be.
std::string endpoint_busy(const Endpoint& endpoint) {
  switch (endpoint.status) {
    case EndpointStatus::kCreating: return "the endpoint is being created";
    case EndpointStatus::kRollingBack: return "the endpoint rolls back";
    case EndpointStatus::kFailed: return "the endpoint has failed";
    case EndpointStatus::kDeleting: return "the endpoint is being deleted";
    case EndpointStatus::kInService:
    case EndpointStatus::kUpdating: break;
  }
  return endpoint.pending ? "the endpoint is being updated" : "";
}

std::string component_busy(const Component& component) {
  switch (component.status) {
    case ComponentStatus::kCreating: return "the inference component is being created";
    case ComponentStatus::kFailed: return "the inference component has failed";
    case ComponentStatus::kDeleting: return "the inference component is being deleted";
    case ComponentStatus::kInService:
    case ComponentStatus::kUpdating: break;
  }
  return "";
}

std::optional<ScalingResource> component_resource(const View& view, std::string_view account, std::string_view name) {
  ScalingResource resource;
  resource.noun = "copy count";
  resource.unit_one = "copy", resource.units = "copies";
  resource.component = view.component({account, name});
  if (!resource.component || resource.component->implicit) return std::nullopt;
  resource.endpoint = view.endpoint_by_uid(resource.component->endpoint_uid);
  if (!resource.endpoint) return std::nullopt;
  resource.variant = resource.component->variant;
  resource.desired = resource.component->desired_copies;
  resource.ready = serving_copies(view, resource.component->uid);
  resource.busy = component_busy(*resource.component);
  auto status = resource.endpoint->status;
  if (status == EndpointStatus::kFailed || status == EndpointStatus::kDeleting) resource.busy = endpoint_busy(*resource.endpoint);
  // Said once the component has given up waiting for room.
  if (resource.component->status == ComponentStatus::kInService) resource.failure = resource.component->failure_reason;
  return resource;
}

std::optional<ScalingResource> variant_resource(const View& view, std::string_view account, const ScaledResource& named) {
  ScalingResource resource;
  resource.noun = "instance count";
  resource.unit_one = "instance", resource.units = "instances";
  resource.scales_variant = true;
  resource.endpoint = view.endpoint({account, named.endpoint});
  if (!resource.endpoint) return std::nullopt;
  auto variant = std::ranges::find(resource.endpoint->variants, named.variant, &Variant::name);
  if (variant == resource.endpoint->variants.end()) return std::nullopt;
  resource.variant = variant->name;
  resource.desired = variant->desired_instances;
  resource.busy = endpoint_busy(*resource.endpoint);
  if (variant->model_name.empty()) {
    resource.ready = ready_instances(view, resource.endpoint->uid, variant->name);
    if (variant->scaling.enabled) resource.busy = "its ManagedInstanceScaling decides how many instances it has";
  } else {
    for (const auto& component : view.components_of_endpoint(resource.endpoint->uid)) {
      if (component->implicit && component->variant == variant->name && component->status != ComponentStatus::kDeleting) {
        resource.component = component;
      }
    }
    if (resource.component) resource.ready = serving_copies(view, resource.component->uid);
  }
  if (resource.endpoint->status == EndpointStatus::kInService) resource.failure = variant->status_message;
  return resource;
}

}  // namespace

int serving_copies(const View& view, const std::string& component_uid) {
  int count = 0;
  for (const auto& copy : view.copies_of_component(component_uid)) count += fleet::is_serving(*copy) ? 1 : 0;
  return count;
}

int ready_instances(const View& view, const std::string& endpoint_uid, const std::string& variant) {
  int count = 0;
  for (const auto& instance : view.instances_of_endpoint(endpoint_uid)) {
    count += instance->variant == variant && instance->state == InstanceState::kReady ? 1 : 0;
  }
  return count;
}

std::string ScalingResource::counted(int count) const { return scaler::counted(count, unit_one, units); }

std::optional<ScalingResource> find_resource(const View& view, const Scaled& scaled) {
  auto named = parse_resource_id(scaled.dimension, scaled.resource_id);
  if (!named) return std::nullopt;
  if (!named->component.empty()) return component_resource(view, scaled.account, named->component);
  return variant_resource(view, scaled.account, *named);
}

void set_capacity(Changes& changes, const ScalingResource& resource, int capacity, const ScaleOrder& order, Millis now) {
  const bool grows = capacity > resource.desired;
  if (resource.component) {
    Component next = *resource.component;
    next.order = grows ? order : ScaleOrder{};
    if (!resource.scales_variant) {
      next.desired_copies = capacity;
      next.status = ComponentStatus::kUpdating;
      next.failure_reason.clear();
      next.modified = now;
    }
    changes.put(resource.component, std::move(next));
  }
  if (!resource.scales_variant) return;
  Endpoint next = *resource.endpoint;
  auto variant = std::ranges::find(next.variants, resource.variant, &Variant::name);
  variant->desired_instances = capacity;
  next.status = EndpointStatus::kUpdating;
  next.modified = now;
  changes.put(resource.endpoint, std::move(next));
}

}  // namespace zeropull::autoscaler
