#include "control/autoscaler/loads.h"

namespace zeropull::autoscaler {

namespace {

// What came since the last reading; a counter that is smaller than it was has begun anew.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) { return now >= before ? now - before : now; }

void add_grown(Load& to, const router::TrafficStats& before, const router::TrafficStats& now) {
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

// `to` is brought up to date; `last` remembers what it was brought to.
void Loads::add(Load& to, LastById& last, const std::string& id, const router::TrafficStats& now) {
  auto& before = last[id];
  add_grown(to, before.traffic, now);
  before = {now, reading_};
  to.in_flight = static_cast<std::uint32_t>(now.in_flight);
  to.held = static_cast<std::uint32_t>(now.held);
}

void Loads::take(const router::RouterStats& stats, const state::View& view) {
  time_ = stats.time;
  ++reading_;
  for (auto& [uid, load] : components_) load.requests.in_flight = load.requests.held = load.copies.in_flight = 0;
  for (const auto& component : stats.components) {
    add(components_[component.uid].requests, last_components_, component.uid, component.traffic);
  }
  for (const auto& copy : stats.copies) {
    auto known = copies_.find(copy.id);
    if (known == copies_.end()) {
      auto record = view.copy(copy.id);
      if (!record) continue;  // it was gone before it was ever seen here
      known = copies_.emplace(copy.id, CopyLoad{record->component_uid, {}}).first;
    }
    auto& load = known->second.load;
    auto& total = components_[known->second.component_uid].copies;
    add_grown(total, last_copies_[copy.id].traffic, copy.traffic);
    add(load, last_copies_, copy.id, copy.traffic);
    total.in_flight += load.in_flight;
  }
  const auto gone = [&](const auto& one) { return one.second.reading != reading_; };
  std::erase_if(last_components_, gone);
  std::erase_if(last_copies_, gone);
  if (copies_.size() != last_copies_.size()) {
    std::erase_if(copies_, [&](const auto& one) { return !last_copies_.contains(one.first); });
  }
  if (components_.size() == last_components_.size()) return;
  std::erase_if(components_, [&](const auto& one) {
    return !last_components_.contains(one.first) && view.component_by_uid(one.first) == nullptr;
  });
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
