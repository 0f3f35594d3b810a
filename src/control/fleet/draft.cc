#include "control/fleet/draft.h"

#include <fmt/core.h>

#include <algorithm>

#include "control/fleet/limits.h"

namespace zeropull::fleet {

using namespace state;

std::string pool_key(const std::string& endpoint_uid, const std::string& variant, const std::string& instance_type) {
  return fmt::format("{}/{}/{}", endpoint_uid, variant, instance_type);
}

std::optional<Draft> Draft::read(const View& view, const std::string& endpoint_uid) {
  auto endpoint = view.endpoint_by_uid(endpoint_uid);
  if (!endpoint) return std::nullopt;
  Draft draft(endpoint);
  for (auto& one : view.components_of_endpoint(endpoint_uid)) draft.components.emplace_back(std::move(one));
  for (auto& one : view.instances_of_endpoint(endpoint_uid)) draft.instances.emplace_back(std::move(one));
  for (auto& one : view.copies_of_endpoint(endpoint_uid)) draft.copies.emplace_back(std::move(one));
  for (auto& one : view.timeline_of_endpoint(endpoint_uid)) draft.timeline.emplace_back(std::move(one));
  auto want = [&](const std::string& name) {
    if (!name.empty() && !draft.models.contains(name)) draft.models[name] = view.model({endpoint->account, name});
  };
  for (const auto& variant : draft.target_variants()) {
    want(variant.model_name);
    for (const auto& pool : variant.pools) want(pool.model_override);
  }
  for (const auto& component : draft.components) {
    for (const auto& spec : component->specs) want(spec.model_name);
  }
  return draft;
}

Changes Draft::changes() const {
  Changes changes;
  endpoint.write_to(changes);
  auto write = [&](const auto& rows) {
    for (const auto& row : rows) row.write_to(changes);
  };
  write(components), write(instances), write(copies), write(timeline);
  return changes;
}

const std::vector<Variant>& Draft::target_variants() const { return endpoint->pending ? *endpoint->pending : endpoint->variants; }

const Variant* Draft::target_variant(const std::string& name) const {
  const auto& variants = target_variants();
  auto at = std::ranges::find(variants, name, &Variant::name);
  return at == variants.end() ? nullptr : &*at;
}

Row<Instance>* Draft::instance(const std::string& id) {
  for (auto& row : instances) {
    if (row->id == id && !row.removed()) return &row;
  }
  return nullptr;
}

Row<Component>* Draft::component(const std::string& uid) {
  for (auto& row : components) {
    if (row->uid == uid && !row.removed()) return &row;
  }
  return nullptr;
}

bool Draft::in_fleet(const Instance& one) const {
  if (one.state != InstanceState::kLaunching && one.state != InstanceState::kReady) return false;
  if (surplus.contains(one.id) || endpoint->status == EndpointStatus::kFailed) return false;
  const auto* variant = target_variant(one.variant);
  return variant != nullptr && contains(variant->pools, one.instance_type, &InstancePool::instance_type);
}

Variant* Draft::edit_target_variant(const std::string& name) {
  auto& edited = endpoint.edit();
  auto& variants = edited.pending ? *edited.pending : edited.variants;
  auto at = std::ranges::find(variants, name, &Variant::name);
  return at == variants.end() ? nullptr : &*at;
}

void Draft::set_status_message(const std::string& variant, const std::string& message) {
  auto text = limited_reason(message);
  auto differs = [&](const std::vector<Variant>& variants) {
    auto at = std::ranges::find(variants, variant, &Variant::name);
    return at != variants.end() && at->status_message != text;
  };
  auto put = [&](std::vector<Variant>& variants) {
    auto at = std::ranges::find(variants, variant, &Variant::name);
    if (at != variants.end()) at->status_message = text;
  };
  if (differs(endpoint->variants)) put(endpoint.edit().variants);
  if (endpoint->pending && differs(*endpoint->pending)) put(*endpoint.edit().pending);
}

void Draft::put_timeline(TimelineEntry entry) {
  for (auto& row : timeline) {
    if (row->id != entry.id) continue;
    if (row->outcome != entry.outcome || row->phases.size() != entry.phases.size()) row.edit() = std::move(entry);
    return;
  }
  timeline.emplace_back(std::move(entry));
}

std::string new_id(std::string_view prefix, Random& random) { return fmt::format("{}-{:016x}", prefix, random.next()); }

std::string limited_reason(std::string text) {
  if (text.size() <= kReasonMax) return text;
  auto end = kReasonMax - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace zeropull::fleet
