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
  for (auto& one : view.components_of_endpoint(endpoint_uid)) draft.index(draft.components.emplace_back(std::move(one)));
  for (auto& one : view.instances_of_endpoint(endpoint_uid)) draft.index(draft.instances.emplace_back(std::move(one)));
  for (auto& one : view.copies_of_endpoint(endpoint_uid)) draft.index(draft.copies.emplace_back(std::move(one)));
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

namespace {

template <typename Rows>
auto* there(const Rows& rows, const std::string& key) {
  auto at = rows.find(key);
  return at == rows.end() || at->second->removed() ? nullptr : at->second;
}

std::vector<Row<Copy>*> those_there(const std::unordered_map<std::string, std::vector<Row<Copy>*>>& rows,
                                    const std::string& key) {
  std::vector<Row<Copy>*> found;
  auto at = rows.find(key);
  if (at == rows.end()) return found;
  for (auto* row : at->second) {
    if (!row->removed()) found.push_back(row);
  }
  return found;
}

}  // namespace

void Draft::index(Row<Instance>& row) { instance_by_id_[row->id] = &row; }
void Draft::index(Row<Component>& row) { component_by_uid_[row->uid] = &row; }
void Draft::index(Row<Copy>& row) {
  by_component_[row->component_uid].push_back(&row);
  by_instance_[row->instance_id].push_back(&row);
}

Row<Instance>* Draft::instance(const std::string& id) { return there(instance_by_id_, id); }
Row<Component>* Draft::component(const std::string& uid) { return there(component_by_uid_, uid); }
std::vector<Row<Copy>*> Draft::copies_of_component(const std::string& uid) const { return those_there(by_component_, uid); }
std::vector<Row<Copy>*> Draft::copies_on_instance(const std::string& id) const { return those_there(by_instance_, id); }

Row<Instance>& Draft::add(Instance record) {
  auto& row = instances.emplace_back(std::move(record));
  index(row);
  return row;
}

Row<Component>& Draft::add(Component record) {
  auto& row = components.emplace_back(std::move(record));
  index(row);
  return row;
}

Row<Copy>& Draft::add(Copy record) {
  auto& row = copies.emplace_back(std::move(record));
  index(row);
  return row;
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
    row.edit() = std::move(entry);
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
