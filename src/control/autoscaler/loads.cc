#include "control/autoscaler/loads.h"

#include <set>

namespace zeropull::autoscaler {

namespace {

// What came since the last reading; a counter that is smaller than it was has begun anew.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) { return now >= before ? now - before : now; }

void add(Load& to, const router::TrafficStats& before, const router::TrafficStats& now) {
  to.arrivals += grown(before.arrivals, now.arrivals);
  to.waited += grown(before.waited, now.waited);
  to.without_copies += grown(before.without_copies, now.without_copies);
  for (std::size_t i = 0; i < to.completed.size(); ++i) to.completed[i] += grown(before.completed[i], now.completed[i]);
  for (std::size_t i = 0; i < to.latency.size(); ++i) to.latency[i] += grown(before.latency[i], now.latency[i]);
  to.latency_seconds += static_cast<double>(grown(before.latency_us_sum, now.latency_us_sum)) / 1e6;
}

}  // namespace

void Load::add(const Load& other) {
  arrivals += other.arrivals;
  waited += other.waited;
  without_copies += other.without_copies;
  in_flight += other.in_flight;
  held += other.held;
  for (std::size_t i = 0; i < completed.size(); ++i) completed[i] += other.completed[i];
  latency_seconds += other.latency_seconds;
  for (std::size_t i = 0; i < latency.size(); ++i) latency[i] += other.latency[i];
}

void Loads::take(const router::RouterStats& stats, const state::View& view) {
  time_ = stats.time;
  std::map<std::string, router::TrafficStats> seen;
  std::set<std::string> components, copies;
  for (auto& [uid, load] : components_) load.requests.in_flight = load.requests.held = load.copies.in_flight = 0;
  for (const auto& component : stats.components) {
    auto& load = components_[component.uid].requests;
    auto key = "component/" + component.uid;
    add(load, last_[key], component.traffic);
    load.in_flight = static_cast<std::uint32_t>(component.traffic.in_flight);
    load.held = static_cast<std::uint32_t>(component.traffic.held);
    components.insert(component.uid);
    seen.emplace(std::move(key), component.traffic);
  }
  for (const auto& copy : stats.copies) {
    auto known = copies_.find(copy.id);
    if (known == copies_.end()) {
      auto record = view.copy(copy.id);
      if (!record) continue;  // it was gone before it was ever seen here
      known = copies_.emplace(copy.id, CopyLoad{record->component_uid, {}}).first;
    }
    auto key = "copy/" + copy.id;
    auto& total = components_[known->second.component_uid].copies;
    add(total, last_[key], copy.traffic);
    add(known->second.load, last_[key], copy.traffic);
    known->second.load.in_flight = static_cast<std::uint32_t>(copy.traffic.in_flight);
    total.in_flight += known->second.load.in_flight;
    copies.insert(copy.id);
    seen.emplace(std::move(key), copy.traffic);
  }
  last_ = std::move(seen);
  std::erase_if(copies_, [&](const auto& one) { return !copies.contains(one.first); });
  std::erase_if(components_,
                [&](const auto& one) { return !components.contains(one.first) && view.component_by_uid(one.first) == nullptr; });
}

const ComponentLoad& Loads::of(const std::string& component_uid) const {
  static const ComponentLoad kNothing;
  auto at = components_.find(component_uid);
  return at == components_.end() ? kNothing : at->second;
}

ComponentLoad Loads::of_variant(const state::View& view, const std::string& endpoint_uid, const std::string& variant) const {
  ComponentLoad sum;
  for (const auto& component : view.components_of_endpoint(endpoint_uid)) {
    if (component->variant != variant) continue;
    const auto& load = of(component->uid);
    sum.requests.add(load.requests);
    sum.copies.add(load.copies);
  }
  return sum;
}

}  // namespace zeropull::autoscaler
