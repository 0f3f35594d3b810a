#include "control/fleet/actions.h"

#include <fmt/core.h>

#include <algorithm>

#include "control/fleet/component_goal.h"
#include "control/fleet/limits.h"
#include "control/fleet/log.h"
#include "control/fleet/steps.h"
#include "identity/join_token.h"

namespace zeropull::fleet {

using namespace state;

namespace {

constexpr int kResolveAttemptsMax = 6;
constexpr auto kFinalDenial = std::chrono::minutes(10);

bool is_passing(Code code) {
  switch (code) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
    case Code::kAborted:
    case Code::kResourceExhausted: return true;
    default: return false;
  }
}

void remove_tokens(const View& view, const std::string& instance_id, Changes& changes) {
  for (const auto& token : view.join_tokens()) {
    if (token->instance_id == instance_id) changes.remove(token);
  }
}

}  // namespace

Result<void> Actions::launch(const Context& ctx, const std::string& instance_id) {
  Ptr<Instance> instance;
  Ptr<Endpoint> endpoint;
  {
    auto view = parts_.state.view();
    instance = view.instance(instance_id);
    if (!instance || instance->state != InstanceState::kLaunching || !instance->handle.empty()) return {};
    endpoint = view.endpoint_by_uid(instance->endpoint_uid);
  }
  if (!endpoint) return {};
  const auto* type = parts_.types.find(instance->instance_type);
  if (type == nullptr) {
    auto error = make_error(Code::kInvalidArgument, "unknown instance type {}", instance->instance_type);
    return launch_failed(ctx, *instance, error);
  }
  auto token = identity::make_join_token(parts_.random);
  JoinToken kept;
  kept.hash = token.hash;
  kept.instance_id = instance_id;
  kept.expires = r_.now() + parts_.policy.connect_timeout_ms;
  Changes record;
  record.add(std::move(kept));
  TRY(parts_.state.commit(ctx, std::move(record)));
  LaunchRequest request{.instance_id = instance_id,
                        .type = *type,
                        .volumes = parts_.hooks.volumes(*endpoint),
                        .folders = parts_.hooks.model_folders(*endpoint),
                        .join_token = token.text,
                        .control_address = parts_.control_address,
                        .authority_pem = parts_.authority_pem};
  auto launched = parts_.provider.launch(ctx, request);
  if (!launched.ok()) return launch_failed(ctx, *instance, launched.error());
  r_.memory_.lock()->denied.erase(pool_key(instance->endpoint_uid, instance->variant, instance->instance_type));
  r_.memory_.lock()->attempts.erase(pool_key(instance->endpoint_uid, instance->variant, instance->instance_type));
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto now = view.instance(instance_id);
    if (!now) return changes;
    Instance next = *now;
    next.handle = launched->handle;
    next.address = launched->address;
    next.volumes = launched->volumes;
    changes.put(now, std::move(next));
    return changes;
  }));
  return {};
}

void Actions::deny(const Instance& instance, const std::string& reason, Code code) {
  auto key = pool_key(instance.endpoint_uid, instance.variant, instance.instance_type);
  auto now = r_.steady();
  auto memory = r_.memory_.lock();
  auto& denial = memory->denied.try_emplace(key, Denial{.reason = "", .since = now}).first->second;
  denial.reason = reason;
  denial.until = now + std::chrono::milliseconds(parts_.policy.capacity_retry_ms);
  bool never = code == Code::kInvalidArgument;
  bool worn_out = code != Code::kResourceExhausted && ++memory->attempts[key] >= kLaunchAttemptsMax;
  if (!never && !worn_out) return;
  denial.final = true;
  denial.until = now + kFinalDenial;
}

Result<void> Actions::launch_failed(const Context& ctx, const Instance& instance, const Error& error) {
  if (error.is(Code::kCancelled)) return error.clone();  // the server stops; the next one launches
  LOG_WARN(kLog, "launch instance {} ({}): {}", instance.id, instance.instance_type, error.to_string());
  TRY(parts_.provider.release(ctx, instance.id));
  deny(instance, error.message(), error.code());
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    remove_tokens(view, instance.id, changes);
    if (auto now = view.instance(instance.id)) changes.remove(now);
    return changes;
  }));
  return {};
}

Result<void> Actions::release(const Context& ctx, const std::string& instance_id) {
  Ptr<Instance> instance;
  {
    auto view = parts_.state.view();
    instance = view.instance(instance_id);
  }
  if (!instance) return {};
  if (instance->state != InstanceState::kReleasing && instance->state != InstanceState::kLost) return {};
  TRY(parts_.provider.release(ctx, instance_id).with_context("release instance {}", instance_id));
  if (instance->provider != "static") parts_.agents.forget(agent_of(*instance));
  // One that never was of use says something about its pool; one that was not wanted any more does not.
  if (instance->ready == 0 && !instance->handle.empty() && instance->reason.find("agent") != std::string::npos) {
    deny(*instance, instance->reason, Code::kUnavailable);
  }
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    remove_tokens(view, instance_id, changes);
    if (auto now = view.instance(instance_id)) changes.remove(now);
    return changes;
  }));
  return {};
}

Result<void> Actions::resolve(const Context& ctx, const std::string& component_uid) {
  Ptr<Component> component;
  Ptr<Endpoint> endpoint;
  {
    auto view = parts_.state.view();
    component = view.component_by_uid(component_uid);
    if (component) endpoint = view.endpoint_by_uid(component->endpoint_uid);
  }
  if (!component || !endpoint || is_resolved(component->specs)) return {};
  auto specs = component->specs;
  std::string failure;
  for (auto& spec : specs) {
    if (!spec.container.resolved_image.empty()) continue;
    auto resolved = parts_.hooks.resolve_image(ctx, *endpoint, spec.container.image);
    if (resolved.ok()) {
      spec.container.resolved_image = std::move(*resolved);
      spec.container.resolved = r_.now();
      continue;
    }
    if (resolved.error().is(Code::kCancelled)) return std::move(resolved).take_error();
    auto attempts = ++r_.memory_.lock()->attempts["resolve/" + component_uid];
    if (is_passing(resolved.error().code()) && attempts < kResolveAttemptsMax) return std::move(resolved).take_error();
    failure = fmt::format("The image \"{}\" cannot be resolved: {}", spec.container.image, resolved.error().message());
    break;
  }
  r_.memory_.lock()->attempts.erase("resolve/" + component_uid);
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto now = view.component_by_uid(component_uid);
    if (!now || now->spec_revision != component->spec_revision || is_resolved(now->specs)) return changes;
    Component next = *now;
    if (failure.empty()) {
      next.specs = specs;
    } else {
      next.failed_revision = next.spec_revision;
      next.status = ComponentStatus::kFailed;
      next.failure_reason = limited_reason(failure);
      next.modified = r_.now();
    }
    changes.put(now, std::move(next));
    return changes;
  }));
  return {};
}

Result<void> Actions::complete_volume(const Context& ctx, const std::string& endpoint_uid, const std::string& artifact) {
  Ptr<Endpoint> endpoint;
  {
    auto view = parts_.state.view();
    endpoint = view.endpoint_by_uid(endpoint_uid);
  }
  if (!endpoint || endpoint->status == EndpointStatus::kDeleting) return {};
  TRY(parts_.hooks.complete_volume(ctx, *endpoint).with_context("complete the volume of endpoint {}", endpoint->name));
  r_.memory_.lock()->completed.insert(artifact);
  return {};
}

Result<void> Actions::purge(const Context& ctx, const std::string& endpoint_uid) {
  Ptr<Endpoint> endpoint;
  {
    auto view = parts_.state.view();
    endpoint = view.endpoint_by_uid(endpoint_uid);
    if (!endpoint || endpoint->status != EndpointStatus::kDeleting || !view.instances_of_endpoint(endpoint_uid).empty())
      return {};
  }
  // A volume that is being completed would come back behind the purge.
  if (r_.memory_.lock()->busy.contains("volume/" + endpoint_uid)) {
    return make_error(Code::kUnavailable, "the volume of endpoint {} is still in use", endpoint->name);
  }
  TRY(parts_.hooks.purge(ctx, *endpoint).with_context("purge endpoint {}", endpoint->name));
  // The endpoint is there until its key is gone from the disk: whoever is told "not found" may rely on that.
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto now = view.endpoint_by_uid(endpoint_uid);
    if (!now) return changes;
    Endpoint next = *now;
    next.wrapped_key.clear();
    changes.put(now, std::move(next));
    for (const auto& one : view.copies_of_endpoint(endpoint_uid)) changes.remove(one);
    for (const auto& one : view.components_of_endpoint(endpoint_uid)) changes.remove(one);
    for (const auto& one : view.timeline_of_endpoint(endpoint_uid)) changes.remove(one);
    return changes;
  }));
  TRY(parts_.state.scrub(ctx));
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    if (auto now = view.endpoint_by_uid(endpoint_uid)) changes.remove(now);
    return changes;
  }));
  std::erase_if(r_.memory_.lock()->completed, [&](const auto& key) { return key.starts_with(endpoint_uid + "/"); });
  return {};
}

}  // namespace zeropull::fleet
