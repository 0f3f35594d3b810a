#include "control/fleet/component_goal.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "codec/json.h"

namespace zeropull::fleet {

using namespace state;

namespace {

const std::vector<ComponentSpec>* deployed(const Component& component, std::uint64_t revision) {
  auto at = std::ranges::find(component.deployed, revision, &DeployedSpecs::revision);
  return at == component.deployed.end() ? nullptr : &at->specs;
}

int desired_copies(const Draft& draft, const Component& component) {
  if (draft.deleting() || draft.endpoint->status == EndpointStatus::kFailed) return 0;
  if (component.status == ComponentStatus::kDeleting) return 0;
  if (!component.implicit) return component.desired_copies;
  const auto* variant = draft.target_variant(component.variant);
  return variant == nullptr ? component.desired_copies : variant->desired_instances;
}

}  // namespace

bool is_resolved(const std::vector<ComponentSpec>& specs) {
  return !specs.empty() && std::ranges::none_of(specs, [](const auto& spec) { return spec.container.resolved_image.empty(); });
}

ComponentGoal component_goal(const Draft& draft, const Component& component) {
  ComponentGoal goal{.specs = component.specs, .revision = component.spec_revision, .copies = desired_copies(draft, component)};
  goal.present = is_resolved(component.specs) && component.failed_revision != component.spec_revision;
  if (goal.present) return goal;
  goal.revision = component.good_revision;
  const auto* good = deployed(component, component.good_revision);
  if (good == nullptr) {
    goal.specs.clear();
    goal.copies = 0;
  } else {
    goal.specs = *good;
  }
  return goal;
}

const ComponentSpec* spec_on(const std::vector<ComponentSpec>& specs, const std::string& instance_type) {
  auto at = std::ranges::find(specs, instance_type, &ComponentSpec::instance_type);
  if (at == specs.end()) at = std::ranges::find(specs, "", &ComponentSpec::instance_type);
  return at == specs.end() ? nullptr : &*at;
}

const ComponentSpec* spec_of(const Component& component, const Copy& copy, const std::string& instance_type) {
  const auto* specs = deployed(component, copy.spec_revision);
  return specs == nullptr ? nullptr : spec_on(*specs, instance_type);
}

bool same_deployment(const ComponentSpec& a, const ComponentSpec& b) {
  // What only placement, time limits or the cache's retention read may change under a running copy.
  return a.container.resolved_image == b.container.resolved_image && a.container.environment == b.container.environment &&
         a.container.model.uri == b.container.model.uri && a.container.model.prefix == b.container.model.prefix &&
         a.container.model.gzip == b.container.model.gzip && a.container.model_identity == b.container.model_identity &&
         a.cpu_cores == b.cpu_cores && a.accelerators == b.accelerators && a.memory_min_mb == b.memory_min_mb &&
         a.memory_max_mb == b.memory_max_mb && a.network_isolation == b.network_isolation;
}

Resources reservation(const Component& component, const ComponentSpec& spec, const InstanceType& type) {
  if (component.implicit) return type.schedulable();
  return {std::ceil(spec.accelerators), spec.cpu_cores, spec.memory_min_mb};
}

Demand demand_of(const Component& component, const ComponentGoal& goal, const Variant& variant, const InstanceTypes& types) {
  Demand demand;
  for (const auto& pool : variant.pools) {
    const auto* type = types.find(pool.instance_type);
    const auto* spec = spec_on(goal.specs, pool.instance_type);
    if (type == nullptr || spec == nullptr) continue;
    demand.by_type[pool.instance_type] = reservation(component, *spec, *type);
    demand.strategy = spec->placement;
  }
  return demand;
}

Rolling rolling_of(const Component& component, int copies) {
  Rolling rolling;
  if (component.implicit) rolling.batch = std::max(1, copies);  // all of the new fleet before the old one goes
  if (component.deployment_body.empty()) return rolling;
  auto body = codec::parse_json(component.deployment_body, {.size_max = kMiB});
  if (!body.ok()) return rolling;  // the API checked it; what cannot be read has the default
  constexpr std::string_view kPolicy = "/RollingUpdatePolicy";
  auto value = codec::json_optional_int(*body, std::string(kPolicy) + "/MaximumBatchSize/Value", {.min = 1, .max = 1'000'000});
  auto kind = codec::json_optional_string(*body, std::string(kPolicy) + "/MaximumBatchSize/Type");
  if (value.ok() && *value) {
    auto amount = static_cast<double>(**value);
    if (kind.ok() && *kind == "CAPACITY_PERCENT") amount = std::floor(amount * copies / 100);
    rolling.batch = std::max(1, static_cast<int>(amount));
  }
  auto wait = codec::json_optional_int(*body, std::string(kPolicy) + "/WaitIntervalInSeconds", {.min = 0, .max = 3600});
  if (wait.ok() && *wait) rolling.wait_ms = **wait * 1000;
  return rolling;
}

}  // namespace zeropull::fleet
