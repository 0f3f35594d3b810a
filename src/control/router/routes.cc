#include "control/router/routes.h"

#include <algorithm>
#include <cmath>

namespace zeropull::router {

std::shared_ptr<ComponentState> TrafficRegistry::component(const std::string& uid) {
  auto known = known_.lock();
  auto& state = known->components[uid];
  if (!state) state = std::make_shared<ComponentState>(uid);
  return state;
}

std::shared_ptr<CopyState> TrafficRegistry::copy(const std::string& id) {
  auto known = known_.lock();
  auto& state = known->copies[id];
  if (!state) state = std::make_shared<CopyState>(id);
  return state;
}

std::shared_ptr<CopyState> TrafficRegistry::find_copy(std::string_view id) {
  auto known = known_.lock();
  auto at = known->copies.find(id);
  return at == known->copies.end() ? nullptr : at->second;
}

std::vector<std::shared_ptr<CopyState>> TrafficRegistry::set_members(const std::vector<std::string>& component_uids,
                                                                     const std::vector<std::string>& copy_ids) {
  std::vector<std::shared_ptr<CopyState>> drained;
  auto known = known_.lock();
  std::erase_if(known->components, [&](const auto& entry) {
    return entry.second->traffic.in_flight() == 0 && !std::ranges::binary_search(component_uids, entry.first);
  });
  std::erase_if(known->copies, [&](const auto& entry) {
    CopyState& copy = *entry.second;
    copy.leaving = !std::ranges::binary_search(copy_ids, entry.first);
    if (!copy.leaving) copy.told_drained = false;
    if (copy.take_drained()) drained.push_back(entry.second);
    return copy.leaving && copy.traffic.in_flight() == 0;
  });
  return drained;
}

void TrafficRegistry::read(RouterStats& stats) {
  auto known = known_.lock();
  stats.components.reserve(known->components.size());
  stats.copies.reserve(known->copies.size());
  for (const auto& [uid, state] : known->components) stats.components.push_back({uid, state->traffic.read()});
  for (const auto& [id, state] : known->copies) stats.copies.push_back({id, state->leaving, state->traffic.read()});
}

Result<std::shared_ptr<const Routes>> Routes::create(const RoutingTable& table, TrafficRegistry& registry) {
  auto routes = std::make_shared<Routes>();
  for (const auto& endpoint : table.endpoints)
    TRY(routes->add(endpoint, registry).with_context("endpoint {} of account {}", endpoint.name, endpoint.account));
  for (auto* ids : {&routes->component_uids_, &routes->copy_ids_}) {
    std::ranges::sort(*ids);
    if (auto twice = std::ranges::adjacent_find(*ids); twice != ids->end())
      return make_error(Code::kInvalidArgument, "{} is in the routing table twice", *twice);
  }
  return std::shared_ptr<const Routes>(std::move(routes));
}

Result<void> Routes::add(const EndpointRoute& route, TrafficRegistry& registry) {
  if (route.payload_max > kPayloadCeiling || route.answer_max > kPayloadCeiling)
    return make_error(Code::kInvalidArgument, "a payload limit above {} bytes", kPayloadCeiling);
  auto [at, added] = by_account_[route.account].try_emplace(route.name, std::make_unique<Endpoint>());
  if (!added) return make_error(Code::kInvalidArgument, "it is in the routing table twice");
  Endpoint& endpoint = *at->second;
  endpoint.route = route;
  endpoint.route.variants.clear();
  endpoint.variants.reserve(route.variants.size());  // components point to them
  for (const auto& variant : route.variants) {
    if (!std::isfinite(variant.weight) || variant.weight < 0)
      return make_error(Code::kInvalidArgument, "variant {}: weight {}", variant.name, variant.weight);
    if (route.kind == EndpointKind::kModels && variant.components.size() != 1)
      return make_error(Code::kInvalidArgument, "variant {} has {} models", variant.name, variant.components.size());
    endpoint.weights.push_back(variant.weight);
    endpoint.variants.push_back({variant.name, variant.weight, variant.strategy, {}});
    Variant& own = endpoint.variants.back();
    own.components.reserve(variant.components.size());
    for (const auto& component : variant.components) TRY(add(endpoint, component, own, registry));
  }
  auto& payload_max = payload_max_[route.name];
  payload_max = std::max(payload_max, route.payload_max);
  return {};
}

Result<void> Routes::add(Endpoint& endpoint, const ComponentRoute& route, Variant& variant, TrafficRegistry& registry) {
  Component component{route.name, registry.component(route.uid), route.hold, {}, &variant};
  for (const auto& target : route.targets) {
    auto address = TRY(Address::parse(target.address).with_context("copy {}", target.copy_id));
    component.copies.push_back(
        {registry.copy(target.copy_id), std::move(address), target.address, target.ready_since, target.concurrency_max});
    copy_ids_.push_back(target.copy_id);
  }
  component_uids_.push_back(route.uid);
  variant.components.push_back(std::move(component));
  const Component* added = &variant.components.back();
  if (endpoint.route.kind == EndpointKind::kComponents && !endpoint.components_by_name.emplace(route.name, added).second)
    return make_error(Code::kInvalidArgument, "component {} is in it twice", route.name);
  endpoint.components_by_uid.emplace(route.uid, added);
  return {};
}

const Routes::Endpoint* Routes::find(std::string_view account, std::string_view name) const {
  const auto endpoints = by_account_.find(account);
  if (endpoints == by_account_.end()) return nullptr;
  const auto endpoint = endpoints->second.find(name);
  return endpoint == endpoints->second.end() ? nullptr : endpoint->second.get();
}

std::size_t Routes::payload_max(std::string_view name) const {
  const auto at = payload_max_.find(name);
  return at == payload_max_.end() ? kPayloadMax : at->second;
}

}  // namespace zeropull::router
