#include "control/autoscaler/readings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/resource.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

constexpr MetricName kInvocations{kSageMakerNamespace, "Invocations", "None"};
constexpr MetricName kPerInstance{kSageMakerNamespace, "InvocationsPerInstance", "None"};
constexpr MetricName kPerCopy{kSageMakerNamespace, "InvocationsPerCopy", "None"};
constexpr MetricName kErrors4xx{kSageMakerNamespace, "Invocation4XXErrors", "None"};
constexpr MetricName kErrors5xx{kSageMakerNamespace, "Invocation5XXErrors", "None"};
constexpr MetricName kModelErrors{kSageMakerNamespace, "InvocationModelErrors", "None"};
constexpr MetricName kModelLatency{kSageMakerNamespace, "ModelLatency", "Microseconds"};
constexpr MetricName kOverheadLatency{kSageMakerNamespace, "OverheadLatency", "Microseconds"};
constexpr MetricName kConcurrentPerModel{kSageMakerNamespace, "ConcurrentRequestsPerModel", "Count"};
constexpr MetricName kConcurrentPerCopy{kSageMakerNamespace, "ConcurrentRequestsPerCopy", "Count"};
constexpr MetricName kNoCapacity{kSageMakerNamespace, "NoCapacityInvocationFailures", "Count"};
constexpr MetricName kHeld{kOwnNamespace, "HeldRequests", "Count"};
constexpr MetricName kWaited{kOwnNamespace, "RequestsThatWaited", "Count"};
constexpr MetricName kCopiesWanted{kOwnNamespace, "CopiesWanted", "Count"};
constexpr MetricName kCopiesReady{kOwnNamespace, "CopiesReady", "Count"};
constexpr MetricName kCopiesPending{kOwnNamespace, "CopiesPending", "Count"};
constexpr MetricName kInstances{kOwnNamespace, "Instances", "Count"};

// Of an implicit component the API shows its variant.
Dimensions dimensions_of_variant(const Component& component) {
  return {{"EndpointName", component.endpoint_name}, {"VariantName", component.variant}};
}
Dimensions dimensions_of(const Component& component) {
  if (component.implicit) return dimensions_of_variant(component);
  return {{"InferenceComponentName", component.name}};
}

double at_work(const Load& requests) { return requests.in_flight - std::min(requests.held, requests.in_flight); }

Load less(const Load& now, const Load& before) {
  Load since = now;
  since.arrivals -= std::min(before.arrivals, now.arrivals);
  since.waited -= std::min(before.waited, now.waited);
  since.without_copies -= std::min(before.without_copies, now.without_copies);
  since.latency_seconds -= std::min(before.latency_seconds, now.latency_seconds);
  for (std::size_t i = 0; i < since.completed.size(); ++i) since.completed[i] -= std::min(before.completed[i], now.completed[i]);
  for (std::size_t i = 0; i < since.latency.size(); ++i) since.latency[i] -= std::min(before.latency[i], now.latency[i]);
  return since;
}

std::uint64_t count_of(const Load& load, router::Outcome outcome) { return load.completed[static_cast<std::size_t>(outcome)]; }

// Microseconds that stand for a bucket of the router's histogram.
double middle_of_bucket(std::size_t bucket) {
  auto us = [](Duration bound) { return std::chrono::duration<double, std::micro>(bound).count(); };
  const auto& bounds = router::kLatencyBounds;
  if (bucket == 0) return us(bounds[0]) / 2;
  if (bucket == bounds.size()) return us(bounds.back()) * 1.5;
  return std::sqrt(us(bounds[bucket - 1]) * us(bounds[bucket]));
}

// Exact in count and sum, percentiles to the bucket.
std::vector<series::Observation> latencies_of(const Load& since) {
  std::vector<series::Observation> observations;
  double sum = 0;
  for (std::size_t i = 0; i < since.latency.size(); ++i) {
    if (since.latency[i] == 0) continue;
    observations.push_back({middle_of_bucket(i), static_cast<double>(since.latency[i])});
    sum += observations.back().value * observations.back().count;
  }
  if (sum > 0) {
    for (auto& one : observations) one.value *= since.latency_seconds * 1e6 / sum;
  }
  return observations;
}

// A zero for each request that did not end so, as SageMaker has it: their average is the share of errors.
void put_errors(series::Writer& writer, WallTime at, std::uint64_t errors, std::uint64_t all) {
  std::array<series::Observation, 2> both{{{1, static_cast<double>(errors)}, {0, static_cast<double>(all - errors)}}};
  if (errors == 0) {
    writer.put(at, 0, std::max<double>(1, static_cast<double>(all)));
  } else {
    writer.put(at,
               all > errors ? std::span<const series::Observation>(both) : std::span<const series::Observation>(both).first(1));
  }
}

}  // namespace

bool Readings::has_ended(int period_s, WallTime now) const {
  const std::chrono::seconds period(std::max(period_s, 1));
  return now.time_since_epoch() / period != read_.time_since_epoch() / period;
}

void Readings::look(const View& view, const Loads& loads, WallTime now) {
  std::map<std::pair<std::string, std::string>, std::pair<Ptr<Component>, double>>
      variants;  // of components, by endpoint and name
  for (const auto& [uid, load] : loads.components()) {
    auto component = view.component_by_uid(uid);
    if (!component) continue;
    const auto& metric = component->implicit ? kConcurrentPerModel : kConcurrentPerCopy;
    const int ready = serving_copies(view, component->uid);
    if (ready > 0) writers_.of(metric, component->account, dimensions_of(*component)).put(now, at_work(load.requests) / ready);
    writers_.of(kHeld, component->account, dimensions_of(*component)).put(now, load.requests.held);
    if (component->implicit) continue;
    auto& [any, sum] = variants[{component->endpoint_uid, component->variant}];
    any = component;
    sum += at_work(load.requests);
  }
  for (const auto& [name, at] : variants) {
    const int ready = ready_instances(view, name.first, name.second);
    const auto& [any, sum] = at;
    if (ready > 0) writers_.of(kConcurrentPerModel, any->account, dimensions_of_variant(*any)).put(now, sum / ready);
  }
}

void Readings::put_requests(const Dimensions& dimensions, const std::string& account, const Load& requests, const Load& copies,
                            WallTime at) {
  auto writer = [&](const MetricName& name) -> series::Writer& { return writers_.of(name, account, dimensions); };
  if (requests.arrivals > 0) {
    writer(kInvocations).put(at, 1, static_cast<double>(requests.arrivals));
  } else {
    writer(kInvocations).put(at, 0);
  }
  const auto ended = requests.completed_all();
  put_errors(writer(kErrors4xx), at, count_of(requests, router::Outcome::kClientError), ended);
  put_errors(writer(kErrors5xx), at, count_of(requests, router::Outcome::kServerError), ended);
  put_errors(writer(kModelErrors), at, count_of(requests, router::Outcome::kModelError), ended);
  const auto answered = copies.completed_all();
  if (answered == 0) return;
  auto latencies = latencies_of(copies);
  writer(kModelLatency).put(at, latencies);
}

void Readings::read_load(const Dimensions& dimensions, const std::string& account, const MetricName& per, int ready,
                         const ComponentLoad& since, WallTime at) {
  put_requests(dimensions, account, since.requests, since.copies, at);
  auto writer = [&](const MetricName& name) -> series::Writer& { return writers_.of(name, account, dimensions); };
  if (ready > 0) {
    const bool any = since.requests.arrivals > 0;
    writer(per).put(at, any ? 1.0 / ready : 0, any ? static_cast<double>(since.requests.arrivals) : 1);
  }
  const auto answered = static_cast<double>(since.copies.completed_all());
  if (answered == 0) return;
  const double overhead = std::max(0.0, since.requests.latency_seconds - since.copies.latency_seconds) / answered;
  writer(kOverheadLatency).put(at, overhead * 1e6, answered);
}

void Readings::read_variants(const View& view, const Endpoint& endpoint, const Loads& loads, WallTime at, bool publish) {
  std::map<std::string, int> instances;
  std::map<std::string, ComponentLoad> since_of;  // what its components were asked, by variant of components
  for (const auto& variant : endpoint.variants) {
    instances[variant.name];
    if (variant.model_name.empty() && read_ != WallTime{}) since_of[variant.name];
  }
  for (const auto& instance : view.instances_of_endpoint(endpoint.uid)) {
    if (instance->state == InstanceState::kReady) ++instances[instance->variant];
  }
  for (const auto& [variant, count] : instances) {
    writers_.of(kInstances, endpoint.account, {{"EndpointName", endpoint.name}, {"VariantName", variant}}).put(at, count);
  }
  for (const auto& component : view.components_of_endpoint(endpoint.uid)) {
    const int ready = serving_copies(view, component->uid);
    int wanted = component->desired_copies;
    for (const auto& variant : endpoint.variants) {
      if (component->implicit && variant.name == component->variant) wanted = variant.desired_instances;
    }
    const auto dimensions = dimensions_of(*component);
    writers_.of(kCopiesWanted, component->account, dimensions).put(at, wanted);
    writers_.of(kCopiesReady, component->account, dimensions).put(at, ready);
    writers_.of(kCopiesPending, component->account, dimensions).put(at, std::max(0, wanted - ready));
    const auto& load = loads.of(component->uid);
    auto [known, fresh] = last_.try_emplace(component->uid);
    auto& last = known->second;
    if (fresh && read_ == WallTime{}) {
      last = {.published = load, .waited = load.requests.waited, .without_copies = load.requests.without_copies};
      continue;
    }
    // These count where they happen: alarms on them wake what is at zero.
    const auto put_new = [&](const MetricName& name, std::uint64_t& before, std::uint64_t all) {
      const auto count = all - std::min(before, all);
      before = all;
      if (count == 0) return;
      writers_.of(name, component->account, dimensions).put(at, 1, static_cast<double>(count));
      if (since_of.contains(component->variant)) {
        writers_.of(name, component->account, dimensions_of_variant(*component)).put(at, 1, static_cast<double>(count));
      }
    };
    put_new(kWaited, last.waited, load.requests.waited);
    put_new(kNoCapacity, last.without_copies, load.requests.without_copies);
    if (!publish) continue;
    ComponentLoad since{.requests = less(load.requests, last.published.requests),
                        .copies = less(load.copies, last.published.copies)};
    read_load(dimensions, component->account, component->implicit ? kPerInstance : kPerCopy, ready, since, at);
    last.published = load;
    auto of = since_of.find(component->variant);
    if (of == since_of.end() || component->implicit) continue;
    of->second.requests.add(since.requests);
    of->second.copies.add(since.copies);
  }
  if (!publish) return;
  for (const auto& [variant, since] : since_of) {
    read_load({{"EndpointName", endpoint.name}, {"VariantName", variant}}, endpoint.account, kPerInstance, instances[variant],
              since, at);
  }
}

// The dimensions that EnableEnhancedMetrics adds.
void Readings::read_copies(const View& view, const Endpoint& endpoint, const Loads& loads, WallTime at, bool publish) {
  const bool begins = enhanced_.insert(endpoint.uid).second;  // what was before is not of this second
  for (const auto& copy : view.copies_of_endpoint(endpoint.uid)) {
    auto load = loads.copies().find(copy->id);
    auto component = view.component_by_uid(copy->component_uid);
    if (load == loads.copies().end() || !component) continue;
    auto dimensions = dimensions_of(*component);
    dimensions["EndpointName"] = endpoint.name;
    dimensions["VariantName"] = copy->variant;
    dimensions["InstanceId"] = copy->instance_id;
    if (!component->implicit) dimensions["ContainerId"] = copy->id;
    const auto& now = load->second.load;
    const auto& metric = component->implicit ? kConcurrentPerModel : kConcurrentPerCopy;
    writers_.of(metric, endpoint.account, dimensions).put(at, now.in_flight);
    auto& last = last_copies_[copy->id];
    if (!publish && !begins) continue;
    const auto since = less(now, last);
    last = now;
    if (!begins) put_requests(dimensions, endpoint.account, since, since, at);
  }
}

void Readings::read_second(const View& view, const Loads& loads, const Reports& reports, WallTime now) {
  const bool steady = now > read_ && now - read_ <= kReadingMax;
  // What was counted since the last reading belongs to the second that it began in.
  const WallTime at = steady ? read_ : now;
  for (const auto& endpoint : view.endpoints()) {
    const auto& asked = endpoint->metrics;
    const bool publish = has_ended(asked.enhanced ? asked.publish_s : 0, now);
    read_variants(view, *endpoint, loads, at, publish);
    if (asked.enhanced) {
      read_copies(view, *endpoint, loads, at, publish);
    } else {
      enhanced_.erase(endpoint->uid);
    }
    read_usage(view, *endpoint, reports, now);
  }
  read_ = now;
  if (writers_.size() > kWritersMax) writers_.clear();
  std::erase_if(last_, [&](const auto& one) { return !view.component_by_uid(one.first); });
  std::erase_if(last_copies_, [&](const auto& one) { return !loads.copies().contains(one.first); });
  std::erase_if(enhanced_, [&](const auto& uid) { return !view.endpoint_by_uid(uid); });
  std::erase_if(usage_, [&](const auto& one) { return !reports.contains(one.first); });
}

}  // namespace zeropull::autoscaler
