#include "control/api/autoscaling/resource.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/input.h"
#include "control/api/statuses.h"
#include "control/scaler/scalable_target.h"
#include "control/state/ids.h"
#include "control/state/scaling_activities.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

Error no_such_resource(const state::ScalableTarget& target) {
  return make_error(Code::kInvalidArgument, "The resource {} does not exist.", target.resource_id);
}

scaler::TargetBounds bounds_of(const state::ScalableTarget& target) {
  scaler::TargetBounds bounds;
  bounds.capacity_min = target.capacity_min;
  bounds.capacity_max = target.capacity_max;
  return bounds;
}

void note(const Call& call, const View& view, const state::ScalableTarget& target, int from, int to, Changes& changes) {
  bool grows = to > from;
  std::string_view noun = target.dimension == state::kVariantDimension ? "instance count" : "copy count";
  state::ScalingActivity activity;
  activity.account = target.account;
  activity.resource_id = target.resource_id;
  activity.dimension = target.dimension;
  activity.id = state::random_uuid(*call.parts.random);
  activity.description = scaler::activity_description(noun, to);
  activity.cause = fmt::format("{} capacity was set to {}", grows ? "minimum" : "maximum", to);
  activity.status = state::ActivityStatus::kInProgress;
  activity.status_message = scaler::activity_waiting(noun, to);
  activity.begin = call.now;
  activity.explanation = fmt::format("The {} went from {} to {} because the target's {} capacity was set to {}.", noun, from, to,
                                     grows ? "minimum" : "maximum", to);
  activity.from = from;
  activity.to = to;
  state::add_activity(view, changes, std::move(activity));
}

Result<void> force_component(const Call& call, const View& view, const state::ScalableTarget& target, std::string_view name,
                             Changes& changes) {
  auto component = view.component(call.named(name));
  if (component == nullptr || component->implicit || component->status == state::ComponentStatus::kDeleting) {
    return no_such_resource(target);
  }
  auto forced = scaler::forced_capacity(bounds_of(target), component->desired_copies);
  bool active = component->status == state::ComponentStatus::kInService || component->status == state::ComponentStatus::kUpdating;
  if (!forced || !active) {
    changes.expect(component);
    return {};
  }
  state::Component next = *component;
  next.desired_copies = *forced;
  next.status = state::ComponentStatus::kUpdating;
  next.failure_reason.clear();
  next.modified = call.now;
  changes.put(component, std::move(next));
  note(call, view, target, component->desired_copies, *forced, changes);
  return {};
}

Result<void> force_variant(const Call& call, const View& view, const state::ScalableTarget& target,
                           const state::ScaledResource& resource, Changes& changes) {
  auto endpoint = view.endpoint(call.named(resource.endpoint));
  if (endpoint == nullptr || endpoint->status == state::EndpointStatus::kDeleting) return no_such_resource(target);
  state::Endpoint next = *endpoint;
  auto variant = std::ranges::find(next.variants, resource.variant, &state::Variant::name);
  if (variant == next.variants.end()) return no_such_resource(target);
  auto forced = scaler::forced_capacity(bounds_of(target), variant->desired_instances);
  const bool follows_copies = variant->model_name.empty() && variant->scaling.enabled;  // its ManagedInstanceScaling decides
  if (!forced || follows_copies || endpoint->status != state::EndpointStatus::kInService) {
    changes.expect(endpoint);
    return {};
  }
  int from = std::exchange(variant->desired_instances, *forced);
  next.status = state::EndpointStatus::kUpdating;
  next.modified = call.now;
  changes.put(endpoint, std::move(next));
  note(call, view, target, from, *forced, changes);
  return {};
}

// The alarm's body without the actions that invoke these policies; nullopt where it has none.
std::optional<std::string> without_actions(const state::Alarm& alarm, const std::set<std::string, std::less<>>& policies) {
  auto body = parse_body(alarm.body);
  bool changed = false;
  for (const auto* name : {"OKActions", "AlarmActions", "InsufficientDataActions"}) {
    if (!has(body, name)) continue;
    auto kept = json::array();
    for (const auto& action : body[name]) {
      auto parsed = state::parse_policy_action(action.get_ref<const std::string&>());
      if (!parsed || !policies.contains(parsed->policy_id)) kept.push_back(action);
    }
    changed |= kept.size() != body[name].size();
    body[name] = std::move(kept);
  }
  return changed ? std::optional(codec::json_text(body)) : std::nullopt;
}

}  // namespace

std::string Identity::text() const {
  return fmt::format("service namespace: {}, resource ID: {}, scalable dimension: {}", kServiceNamespace, resource_id, dimension);
}

Result<Identity> identity_of(const Call& call) {
  Identity identity{call.account, text_or(call.input, "ScalableDimension"), text_or(call.input, "ResourceId")};
  if (!state::parse_resource_id(identity.dimension, identity.resource_id)) {
    return make_error(Code::kInvalidArgument,
                      "Unsupported service namespace, resource type or scalable dimension: {} is not a resource of {}.",
                      identity.resource_id, identity.dimension);
  }
  return identity;
}

Result<state::Ptr<state::ScalableTarget>> registered(const View& view, const Identity& identity) {
  auto target = view.scalable_target(identity.scaled());
  if (target == nullptr) return make_error(Code::kNotFound, "No scalable target registered for {}", identity.text());
  return target;
}

Result<void> force_capacity(const Call& call, const View& view, const state::ScalableTarget& target, Changes& changes) {
  auto resource = state::parse_resource_id(target.dimension, target.resource_id);
  if (!resource) return no_such_resource(target);
  if (!resource->component.empty()) return force_component(call, view, target, resource->component, changes);
  return force_variant(call, view, target, *resource, changes);
}

void remove_policies(const View& view, const state::List<state::ScalingPolicy>& policies, Changes& changes) {
  if (policies.empty()) return;
  std::set<std::string, std::less<>> ids;
  for (const auto& policy : policies) {
    ids.insert(policy->id);
    changes.remove(policy);
  }
  for (const auto& alarm : view.alarms(policies[0]->account)) {
    if (ids.contains(alarm->policy_id)) {
      changes.remove(alarm);
    } else if (auto body = without_actions(*alarm, ids)) {
      state::Alarm next = *alarm;
      next.body = std::move(*body);
      changes.put(alarm, std::move(next));
    }
  }
}

void remove_targets(const View& view, const state::List<state::ScalableTarget>& targets, Changes& changes) {
  state::List<state::ScalingPolicy> policies;
  for (const auto& target : targets) {
    auto scaled = state::scaled_of(*target);
    for (auto& policy : view.scaling_policies(scaled)) policies.push_back(std::move(policy));
    for (const auto& action : view.scheduled_actions(scaled)) changes.remove(action);
    changes.remove(target);
  }
  remove_policies(view, policies, changes);
}

void remove_targets_of_component(const View& view, const state::Component& component, Changes& changes) {
  auto id = state::component_resource_id(component.name);
  if (auto target = view.scalable_target({component.account, state::kComponentDimension, id})) {
    remove_targets(view, {target}, changes);
  }
}

void remove_targets_of_endpoint(const View& view, const state::Endpoint& endpoint, Changes& changes) {
  state::List<state::ScalableTarget> targets;
  auto add = [&](std::string_view dimension, const std::string& id) {
    if (auto target = view.scalable_target({endpoint.account, dimension, id})) targets.push_back(std::move(target));
  };
  for (const auto& variant : endpoint.variants) {
    add(state::kVariantDimension, state::variant_resource_id(endpoint.name, variant.name));
  }
  for (const auto& component : view.components_of_endpoint(endpoint.uid)) {
    if (!component->implicit) add(state::kComponentDimension, state::component_resource_id(component->name));
  }
  remove_targets(view, targets, changes);
}

}  // namespace zeropull::api::autoscaling
