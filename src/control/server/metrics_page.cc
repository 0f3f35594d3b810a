#include "control/server/metrics_page.h"

#include <array>
#include <chrono>

#include "control/fleet/steps.h"

namespace zeropull::server {

namespace {

using series::Family;
using series::FamilyType;
using Labels = std::map<std::string, std::string>;

// Families by name, each made when its first sample comes.
class Page {
 public:
  void add(const std::string& name, FamilyType type, const char* help, Labels labels, double value, std::string suffix = "") {
    auto [at, fresh] = index_.try_emplace(name, families_.size());
    if (fresh) families_.push_back({.name = name, .help = help, .type = type, .samples = {}});
    families_[at->second].samples.push_back({.suffix = std::move(suffix), .labels = std::move(labels), .value = value});
  }
  void gauge(const std::string& name, const char* help, Labels labels, double value) {
    add(name, FamilyType::kGauge, help, std::move(labels), value);
  }
  void counter(const std::string& name, const char* help, Labels labels, double value) {
    add(name, FamilyType::kCounter, help, std::move(labels), value);
  }
  // Of names that nothing here has.
  void add(std::vector<Family> families) {
    families_.insert(families_.end(), std::make_move_iterator(families.begin()), std::make_move_iterator(families.end()));
  }
  std::string text() && { return series::to_exposition(std::move(families_)); }

 private:
  std::vector<Family> families_;
  std::map<std::string, std::size_t> index_;
};

constexpr std::array<const char*, router::kOutcomes> kOutcomeNames{"success", "client_error", "server_error", "model_error",
                                                                   "abandoned"};
constexpr std::array<const char*, 8> kPhaseNames{"placed",    "preparing", "starting", "ready",
                                                 "unhealthy", "draining",  "stopping", "failed"};
constexpr std::array<const char*, 4> kInstanceStates{"launching", "ready", "releasing", "lost"};

Labels labels_of(const state::Component& component) {
  return {{"account", component.account},
          {"endpoint", component.endpoint_name},
          {"variant", component.variant},
          {"component", component.implicit ? "" : component.name}};
}

Labels with(Labels labels, const char* name, std::string value) {
  labels[name] = std::move(value);
  return labels;
}

void add_latency(Page& page, const std::string& name, const char* help, const Labels& labels, const autoscaler::Load& load) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < load.latency.size(); ++i) {
    below += load.latency[i];
    const bool last = i == router::kLatencyBounds.size();
    auto bound = last ? "+Inf" : fmt::format("{:g}", std::chrono::duration<double>(router::kLatencyBounds[i]).count());
    page.add(name, FamilyType::kHistogram, help, with(labels, "le", bound), static_cast<double>(below), "_bucket");
  }
  page.add(name, FamilyType::kHistogram, help, labels, load.latency_seconds, "_sum");
  page.add(name, FamilyType::kHistogram, help, labels, static_cast<double>(below), "_count");
}

void add_component(Page& page, const MetricsInput& in, const state::Component& component) {
  const auto labels = labels_of(component);
  std::map<std::string, int> phases;
  for (const auto& copy : in.view.copies_of_component(component.uid))
    ++phases[kPhaseNames.at(static_cast<std::size_t>(copy->phase))];
  for (const auto* phase : kPhaseNames) {
    page.gauge("zeropull_copies", "Copies by phase.", with(labels, "phase", phase), phases[phase]);
  }
  page.gauge("zeropull_copies_wanted", "Copies that there shall be.", labels, component.desired_copies);
  auto found = in.loads.find(component.uid);
  if (found == in.loads.end()) return;
  const auto& [requests, copies] = found->second;
  page.counter("zeropull_requests_total", "Requests that came.", labels, static_cast<double>(requests.arrivals));
  page.counter("zeropull_requests_waited_total", "Requests that were held, each once.", labels,
               static_cast<double>(requests.waited));
  page.counter("zeropull_requests_without_copies_total", "Requests that came while there was no copy, held or refused.", labels,
               static_cast<double>(requests.without_copies));
  for (std::size_t i = 0; i < router::kOutcomes; ++i) {
    page.counter("zeropull_answers_total", "Requests that ended, by outcome.", with(labels, "outcome", kOutcomeNames.at(i)),
                 static_cast<double>(requests.completed.at(i)));
  }
  page.gauge("zeropull_requests_in_flight", "Requests that came and have not ended, held ones included.", labels,
             requests.in_flight);
  page.gauge("zeropull_requests_held", "Requests that wait for a copy.", labels, requests.held);
  add_latency(page, "zeropull_request_seconds", "From a request's arrival to the last byte of its answer.", labels, requests);
  add_latency(page, "zeropull_copy_seconds", "From giving a request to a copy to the last byte of its answer.", labels, copies);
}

// What is kept of starts: newest entries, so their sums are gauges.
void add_starts(Page& page, const MetricsInput& in, const state::Endpoint& endpoint) {
  const Labels labels{{"account", endpoint.account}, {"endpoint", endpoint.name}};
  std::map<std::string, std::pair<double, int>> phases;
  std::map<std::pair<std::string, std::string>, std::pair<double, int>> sources;
  for (const auto& entry : in.view.timeline_of_endpoint(endpoint.uid)) {
    if (entry->outcome != "ready") continue;
    for (const auto& phase : entry->phases) {
      if (phase.begin == 0 || phase.end < phase.begin) continue;
      phases[phase.name].first += static_cast<double>(phase.end - phase.begin) / 1000;
      ++phases[phase.name].second;
      if (phase.source.empty()) continue;
      auto& source = sources[{phase.name, phase.source}];
      source.first += static_cast<double>(phase.bytes);
      ++source.second;
    }
  }
  for (const auto& [phase, sum] : phases) {
    auto named = with(labels, "phase", phase);
    page.gauge("zeropull_start_phase_seconds", "Seconds of a phase, over the starts in the timeline.", named, sum.first);
    page.gauge("zeropull_start_phase_count", "Starts in the timeline that had the phase.", named, sum.second);
  }
  for (const auto& [name, sum] : sources) {
    auto named = with(with(labels, "kind", name.first), "source", name.second);
    page.gauge("zeropull_start_bytes", "Bytes fetched, over the starts in the timeline.", named, sum.first);
    page.gauge("zeropull_start_sources", "Images and models by where they came from, over the starts in the timeline.", named,
               sum.second);
  }
}

}  // namespace

std::string metrics_page(MetricsInput in) {
  Page page;
  for (const auto& endpoint : in.view.endpoints()) {
    const Labels labels{{"account", endpoint->account}, {"endpoint", endpoint->name}};
    std::map<std::string, int> states;
    for (const auto& instance : in.view.instances_of_endpoint(endpoint->uid)) {
      ++states[kInstanceStates.at(static_cast<std::size_t>(instance->state))];
    }
    for (const auto* one : kInstanceStates) {
      page.gauge("zeropull_instances", "Instances by state.", with(labels, "state", one), states[one]);
    }
    for (const auto& component : in.view.components_of_endpoint(endpoint->uid)) add_component(page, in, *component);
    add_starts(page, in, *endpoint);
  }
  page.gauge("zeropull_router_connections", "Connections of callers.", {}, static_cast<double>(in.connections));
  page.gauge("zeropull_router_buffered_bytes", "Bodies in the router's memory.", {}, static_cast<double>(in.buffered_bytes));
  page.gauge("zeropull_series", "Series of points that are known.", {}, static_cast<double>(in.points.series));
  page.gauge("zeropull_series_memory_bytes", "Memory of their points of a second.", {},
             static_cast<double>(in.points.memory_bytes));
  page.counter("zeropull_series_points_lost_total", "Points that the disk did not take in time.", {},
               static_cast<double>(in.points.points_lost));
  page.add(std::move(in.scraped));
  return std::move(page).text();
}

}  // namespace zeropull::server
