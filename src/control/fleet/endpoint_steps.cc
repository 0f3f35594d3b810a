#include <fmt/core.h>

#include <algorithm>

#include "control/fleet/component_goal.h"
#include "control/fleet/steps.h"

namespace zeropull::fleet {

using namespace state;

namespace {

void set_status(Draft& draft, const StepInput& in, EndpointStatus status) {
  if (draft.endpoint->status == status) return;
  draft.endpoint.set(&Endpoint::status, status);
  draft.endpoint.set(&Endpoint::modified, in.seen.now);
}

Row<Component>* implicit_component(Draft& draft, const std::string& variant) {
  for (auto& row : draft.components) {
    if (!row.removed() && row->implicit && row->variant == variant && row->status != ComponentStatus::kDeleting) return &row;
  }
  return nullptr;
}

// The specifications of a variant with a model: one for each pool, with its own model where it has one.
Result<std::vector<ComponentSpec>> specs_of(const Draft& draft, const Variant& variant) {
  std::vector<ComponentSpec> specs;
  for (const auto& pool : variant.pools) {
    const auto& name = pool.model_override.empty() ? variant.model_name : pool.model_override;
    auto model = draft.models.find(name);
    if (model == draft.models.end() || !model->second) {
      return make_error(Code::kNotFound, "Could not find model \"{}\" of variant \"{}\".", name, variant.name);
    }
    ComponentSpec spec;
    spec.instance_type = pool.instance_type;
    spec.model_name = name;
    spec.container = model->second->container;
    spec.container.resolved_image.clear();
    spec.container.model_identity.clear();
    spec.download_timeout_s = variant.download_timeout_s;
    spec.start_timeout_s = variant.start_timeout_s;
    spec.data_cache = true;
    spec.network_isolation = model->second->network_isolation || variant.network_isolation;
    specs.push_back(std::move(spec));
  }
  return specs;
}

void add_implicit(Draft& draft, const StepInput& in, const Variant& variant, std::vector<ComponentSpec> specs) {
  Component component;
  component.account = draft.endpoint->account;
  component.uid = new_id("m", in.random);
  component.name = fmt::format("{}.{}.{}", draft.endpoint->name, variant.name, component.uid);  // "." is in no name of a caller's
  component.endpoint_name = draft.endpoint->name;
  component.endpoint_uid = draft.endpoint->uid;
  component.variant = variant.name;
  component.implicit = true;
  component.specs = std::move(specs);
  component.desired_copies = variant.desired_instances;
  component.endpoint_revision = draft.endpoint->revision_of_spec;
  component.created = component.modified = in.seen.now;
  draft.add(std::move(component));
}

void fail_endpoint(Draft& draft, const StepInput& in, std::string reason) {
  draft.endpoint.set(&Endpoint::failure_reason, limited_reason(std::move(reason)));
  if (draft.endpoint->status == EndpointStatus::kCreating) {
    set_status(draft, in, EndpointStatus::kFailed);
    return;
  }
  auto& endpoint = draft.endpoint.edit();
  endpoint.pending.reset();
  endpoint.pending_config_name.clear();
  endpoint.pending_config_body.clear();
  endpoint.pending_metrics = {};
  endpoint.update_body.clear();
  set_status(draft, in, EndpointStatus::kRollingBack);
}

// Why the variant can never be what it shall be; "" while it can.
std::string variant_failure(Draft& draft, const StepInput& in, const Variant& variant) {
  if (instances_in_fleet(draft, variant) < instances_wanted(draft, variant)) {
    auto reason = provisioning_failure(draft, variant, in);
    if (!reason.empty()) return reason;
  }
  auto* component = implicit_component(draft, variant.name);
  if (component == nullptr) return "";
  bool tried = (*component)->endpoint_revision == draft.endpoint->revision_of_spec;
  if (tried && (*component)->failed_revision == (*component)->spec_revision) return (*component)->failure_reason;
  return "";
}

bool satisfied(Draft& draft, const Variant& variant) {
  int ready = 0;
  for (const auto& row : draft.instances) {
    if (row->variant == variant.name && row->state == InstanceState::kReady && draft.in_fleet(*row)) ++ready;
  }
  if (ready < instances_wanted(draft, variant)) return false;
  if (variant.model_name.empty()) return true;
  auto* component = implicit_component(draft, variant.name);
  if (component == nullptr) return false;
  // What an update brings counts, not what it replaces.
  if (draft.endpoint->pending && !component_goal(draft, **component).present) return false;
  return serving_copies(draft, **component) >= variant.desired_instances;
}

bool all_satisfied(Draft& draft) {
  return std::ranges::all_of(draft.target_variants(), [&](const Variant& variant) { return satisfied(draft, variant); });
}

// Nothing is on its way: no instance that comes or goes, no copy of an older kind.
bool settled(Draft& draft) {
  for (const auto& row : draft.instances) {
    if (row.removed()) continue;
    if (row->state != InstanceState::kReady || !draft.in_fleet(*row)) return false;
  }
  return std::ranges::none_of(draft.components, [&](const Row<Component>& row) {
    if (row.removed() || !row->implicit) return false;
    return row->status == ComponentStatus::kDeleting || runs_old_copies(draft, *row);
  });
}

void adopt_update(Draft& draft) {
  auto& endpoint = draft.endpoint.edit();
  endpoint.variants = std::move(*endpoint.pending);
  endpoint.pending.reset();
  if (!endpoint.pending_config_name.empty()) endpoint.config_name = std::exchange(endpoint.pending_config_name, {});
  if (endpoint.pending_config_body.empty()) return;
  endpoint.config_body = std::exchange(endpoint.pending_config_body, {});
  endpoint.metrics = std::exchange(endpoint.pending_metrics, {});
}

// A change of capacity that cannot be had: back to what there is.
void give_up_capacity(Draft& draft, const StepInput& in) {
  const auto variants = draft.target_variants();
  for (const auto& variant : variants) {
    auto reason = variant_failure(draft, in, variant);
    int can_be = instances_in_fleet(draft, variant);
    if (!variant.model_name.empty() && reason.empty()) {
      auto* component = implicit_component(draft, variant.name);
      for (const auto& copy : draft.copies) {
        if (component == nullptr || copy->component_uid != (*component)->uid || copy->phase != CopyPhase::kFailed) continue;
        reason = copy->reason;
        can_be = serving_copies(draft, **component);
      }
    }
    bool short_of = !variant.scaling.enabled && can_be < variant.desired_instances;
    if (reason.empty() || !short_of) continue;
    draft.edit_target_variant(variant.name)->desired_instances = can_be;
    draft.endpoint.set(&Endpoint::failure_reason, limited_reason(reason));
    set_status(draft, in, EndpointStatus::kRollingBack);
  }
}

void apply_weights(Draft& draft) {
  const auto variants = draft.endpoint->variants;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].current_weight != variants[i].desired_weight) {
      draft.endpoint.edit().variants[i].current_weight = variants[i].desired_weight;
    }
  }
}

bool scaling_out(const Draft& draft) {
  return std::ranges::any_of(draft.instances, [&](const Row<Instance>& row) {
    const auto* variant = draft.target_variant(row->variant);
    return !row.removed() && row->state == InstanceState::kLaunching && variant != nullptr && variant->scaling.enabled;
  });
}

}  // namespace

void prepare_components(Draft& draft, const StepInput& in) {
  for (auto& row : draft.components) {
    for (std::size_t i = 0; i < row->specs.size(); ++i) {
      const auto& spec = row->specs[i];
      if (!spec.container.image.empty() || spec.model_name.empty()) continue;
      auto model = draft.models.find(spec.model_name);
      if (model == draft.models.end() || !model->second) {
        fail(row, in, fmt::format("Could not find model \"{}\".", spec.model_name));
        break;
      }
      auto container = model->second->container;
      container.resolved_image.clear();
      container.model_identity.clear();
      row.edit().specs[i].container = std::move(container);
    }
  }
  if (draft.endpoint->status == EndpointStatus::kFailed) return;
  const auto variants = draft.target_variants();
  for (const auto& variant : variants) {
    if (variant.model_name.empty()) continue;
    auto* component = implicit_component(draft, variant.name);
    if (component != nullptr) component->set(&Component::desired_copies, variant.desired_instances);
    bool stale =
        component != nullptr && draft.endpoint->pending && (*component)->endpoint_revision < draft.endpoint->revision_of_spec;
    if (component != nullptr && !stale) continue;
    auto specs = specs_of(draft, variant);
    if (!specs.ok()) {
      fail_endpoint(draft, in, specs.error().message());
      return;
    }
    if (component == nullptr) {
      add_implicit(draft, in, variant, std::move(*specs));
      continue;
    }
    auto& edited = component->edit();
    edited.specs = std::move(*specs);
    edited.spec_revision += 1;
    edited.endpoint_revision = draft.endpoint->revision_of_spec;
    edited.status = ComponentStatus::kUpdating;
    edited.modified = in.seen.now;
  }
  if (draft.endpoint->pending) return;  // what the update leaves out serves until it is done
  for (auto& row : draft.components) {
    bool standing = row->implicit && row->status != ComponentStatus::kDeleting;
    const auto* variant = draft.target_variant(row->variant);
    if (standing && (variant == nullptr || variant->model_name.empty())) row.set(&Component::status, ComponentStatus::kDeleting);
  }
}

void move_endpoint(Draft& draft, const StepInput& in) {
  if (draft.endpoint->pending || draft.endpoint->status == EndpointStatus::kCreating) {
    const auto variants = draft.target_variants();
    for (const auto& variant : variants) {
      auto reason = variant_failure(draft, in, variant);
      if (reason.empty()) continue;
      fail_endpoint(draft, in, std::move(reason));
      return;
    }
  }
  if (!draft.endpoint->pending) apply_weights(draft);
  switch (draft.endpoint->status) {
    case EndpointStatus::kCreating:
      if (all_satisfied(draft)) set_status(draft, in, EndpointStatus::kInService);
      break;
    case EndpointStatus::kUpdating:
      if (draft.endpoint->pending) {
        if (all_satisfied(draft)) adopt_update(draft);
        break;
      }
      give_up_capacity(draft, in);
      if (draft.endpoint->status != EndpointStatus::kUpdating || !all_satisfied(draft) || !settled(draft)) break;
      draft.endpoint.set(&Endpoint::failure_reason, std::string());
      draft.endpoint.set(&Endpoint::update_body, std::string());
      set_status(draft, in, EndpointStatus::kInService);
      break;
    case EndpointStatus::kRollingBack:
      if (all_satisfied(draft) && settled(draft)) set_status(draft, in, EndpointStatus::kInService);
      break;
    case EndpointStatus::kInService:
      if (scaling_out(draft)) set_status(draft, in, EndpointStatus::kUpdating);
      break;
    case EndpointStatus::kFailed:
    case EndpointStatus::kDeleting: break;
  }
}

void take_apart(Draft& draft, const StepInput&) {
  for (auto& row : draft.components) row.set(&Component::status, ComponentStatus::kDeleting);
  for (auto& row : draft.instances) {
    if (row->state == InstanceState::kReleasing) continue;
    row.set(&Instance::state, InstanceState::kReleasing);
    row.set(&Instance::reason, std::string("its endpoint is deleted"));
  }
}

void reconcile(Draft& draft, const StepInput& in) {
  take_reports(draft, in);
  give_up_lost(draft, in);
  if (draft.deleting()) {
    take_apart(draft, in);
    return;
  }
  mark_surplus(draft);
  prepare_components(draft, in);
  auto pending = move_components(draft, in);
  move_instances(draft, in, pending);
  move_endpoint(draft, in);
  prune_timeline(draft, in);
}

}  // namespace zeropull::fleet
