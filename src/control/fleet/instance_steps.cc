#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "control/fleet/component_goal.h"
#include "control/fleet/steps.h"

namespace zeropull::fleet {

using namespace state;

namespace {

int copies_on(const Draft& draft, const std::string& instance_id) {
  return static_cast<int>(draft.copies_on_instance(instance_id).size());
}

// While a variant's own model is replaced, the instances with the old copies come on top.
int instances_max(Draft& draft, const Variant& variant) {
  if (variant.scaling.enabled) return std::max(variant.scaling.max, instances_wanted(draft, variant));
  int extra = 0;
  if (!variant.model_name.empty()) {
    for (const auto& row : draft.components) {
      if (row->implicit && row->variant == variant.name && runs_old_copies(draft, *row)) extra = variant.desired_instances;
    }
  }
  return variant.desired_instances + extra;
}

std::map<std::string, std::string> denied_types(const Draft& draft, const Variant& variant, const Observed& seen) {
  std::map<std::string, std::string> denied;
  for (const auto& pool : variant.pools) {
    auto at = seen.denied.find(pool_key(draft.endpoint->uid, variant.name, pool.instance_type));
    if (at != seen.denied.end() && (at->second.final || at->second.until > seen.steady)) {
      denied[pool.instance_type] = at->second.reason;
    }
  }
  return denied;
}

Duration provision_timeout(const Variant& variant, const FleetPolicy& policy) {
  if (variant.provision_timeout_s > 0) return std::chrono::seconds(variant.provision_timeout_s);
  return std::chrono::milliseconds(policy.provision_timeout_ms);
}

void launch(Draft& draft, const StepInput& in, const Variant& variant, const InstancePool& pool) {
  Instance instance;
  instance.id = new_id("i", in.random);
  instance.account = draft.endpoint->account;
  instance.endpoint_uid = draft.endpoint->uid;
  instance.variant = variant.name;
  instance.instance_type = pool.instance_type;
  instance.provider = in.policy.provider;
  instance.launched = in.seen.now;
  draft.add(std::move(instance));
}

void release(Row<Instance>& row, const std::string& reason) {
  row.set(&Instance::state, InstanceState::kReleasing);
  row.set(&Instance::reason, reason);
}

// Launches what the variant lacks; how many.
int grow(Draft& draft, const StepInput& in, const Variant& variant, const Pending& pending) {
  int live = instances_in_fleet(draft, variant);
  int room = instances_max(draft, variant) - live;
  int wanted = std::max(0, instances_wanted(draft, variant) - live);
  auto denied = denied_types(draft, variant, in.seen);
  const Demand* first = pending.demands.empty() ? nullptr : &pending.demands.front();
  auto pools = usable_pools(variant, denied, first, in.types);
  if (pools.empty() && wanted > 0) pools = usable_pools(variant, denied, nullptr, in.types);
  if (pools.empty()) return 0;
  int missing = instances_missing(pending.demands, *MUST(in.types.require(pools.front()->instance_type)), std::max(0, room));
  int count = std::min(std::max(wanted, missing), std::max(room, 0));
  for (int i = 0; i < count; ++i) launch(draft, in, variant, *pools.front());
  return count;
}

void note_idle(Draft& draft, const StepInput& in) {
  for (auto& row : draft.instances) {
    if (row.removed() || row->state != InstanceState::kReady) continue;
    bool idle = copies_on(draft, row->id) == 0;
    if (!idle) row.set(&Instance::idle_since, Millis{0});
    if (idle && row->idle_since == 0) row.set(&Instance::idle_since, in.seen.now);
  }
}

void release_idle(Draft& draft, const StepInput& in, const Variant& variant) {
  std::vector<IdleInstance> idle;
  for (const auto& row : draft.instances) {
    if (row->variant != variant.name || row->state != InstanceState::kReady || !draft.in_fleet(*row)) continue;
    auto pool = std::ranges::find(variant.pools, row->instance_type, &InstancePool::instance_type);
    if (row->idle_since != 0) idle.push_back({row->id, pool->priority, row->idle_since});
  }
  IdleRule rule{.now = in.seen.now,
                .release_after = variant.scaling.enabled ? in.policy.idle_release_after_ms : 0,
                .releases_max = instances_in_fleet(draft, variant) - instances_wanted(draft, variant)};
  for (const auto& id : choose_releases(std::move(idle), rule)) release(*draft.instance(id), "idle");
}

}  // namespace

int instances_in_fleet(const Draft& draft, const Variant& variant) {
  return static_cast<int>(std::ranges::count_if(draft.instances, [&](const Row<Instance>& row) {
    return !row.removed() && row->variant == variant.name && draft.in_fleet(*row);
  }));
}

int instances_wanted(const Draft& draft, const Variant& variant) {
  if (!variant.scaling.enabled) return variant.desired_instances;
  // A new endpoint begins with the initial count; from then on copies decide.
  if (draft.endpoint->status == EndpointStatus::kCreating) return std::max(variant.scaling.min, variant.desired_instances);
  return variant.scaling.min;
}

bool may_grow(Draft& draft, const Variant& variant, const StepInput& in) {
  return instances_in_fleet(draft, variant) < instances_max(draft, variant) && provisioning_failure(draft, variant, in).empty();
}

std::string provisioning_failure(Draft& draft, const Variant& variant, const StepInput& in) {
  std::string reasons;
  for (const auto& pool : variant.pools) {
    auto at = in.seen.denied.find(pool_key(draft.endpoint->uid, variant.name, pool.instance_type));
    if (at == in.seen.denied.end()) return "";
    bool over = at->second.final || in.seen.steady - at->second.since > provision_timeout(variant, in.policy);
    if (!over) return "";
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", pool.instance_type, at->second.reason);
  }
  return fmt::format("Instances for variant \"{}\" cannot be provisioned: {}", variant.name, reasons);
}

void mark_surplus(Draft& draft) {
  draft.surplus.clear();
  for (const auto& variant : draft.target_variants()) {
    if (!variant.model_name.empty()) continue;  // there the copies go first, and their instances with them
    int most =
        variant.scaling.enabled ? std::max(variant.scaling.max, instances_wanted(draft, variant)) : variant.desired_instances;
    std::vector<std::tuple<int, bool, std::string>> live;
    for (const auto& row : draft.instances) {
      if (row->variant != variant.name || !draft.in_fleet(*row)) continue;
      live.emplace_back(copies_on(draft, row->id), row->state == InstanceState::kReady, row->id);
    }
    std::ranges::sort(live);
    for (int i = 0; i < static_cast<int>(live.size()) - most; ++i)
      draft.surplus.insert(std::get<2>(live[static_cast<std::size_t>(i)]));
  }
}

void move_instances(Draft& draft, const StepInput& in, const PendingByVariant& pending) {
  note_idle(draft, in);
  for (auto& row : draft.instances) {
    if (row.removed() || draft.in_fleet(*row) || copies_on(draft, row->id) > 0) continue;
    if (row->state == InstanceState::kLaunching || row->state == InstanceState::kReady)
      release(row, "not part of the fleet any more");
  }
  if (draft.endpoint->status == EndpointStatus::kFailed) return;
  const auto variants = draft.target_variants();  // a copy: the steps below edit the record
  for (const auto& variant : variants) {
    auto at = pending.find(variant.name);
    const Pending none;
    const Pending& waiting = at == pending.end() ? none : at->second;
    int launched = grow(draft, in, variant, waiting);
    release_idle(draft, in, variant);
    auto denied = denied_types(draft, variant, in.seen);
    bool lacks = instances_in_fleet(draft, variant) < instances_wanted(draft, variant) || !waiting.demands.empty();
    bool failed_copies = std::ranges::any_of(
        draft.copies, [&](const Row<Copy>& copy) { return copy->variant == variant.name && copy->phase == CopyPhase::kFailed; });
    if (lacks && launched == 0 && !denied.empty()) {
      std::string text;
      for (const auto& [type, reason] : denied) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", type, reason);
      draft.set_status_message(variant.name, "No capacity: " + text);
    } else if (!waiting.demands.empty() && !may_grow(draft, variant, in)) {
      draft.set_status_message(variant.name, waiting.reason);
    } else if (!lacks && !failed_copies) {
      draft.set_status_message(variant.name, "");
    }
    if (!variant.scaling.enabled || draft.endpoint->status == EndpointStatus::kCreating) continue;
    int live = instances_in_fleet(draft, variant);
    if (variant.desired_instances != live) draft.edit_target_variant(variant.name)->desired_instances = live;
  }
}

}  // namespace zeropull::fleet
