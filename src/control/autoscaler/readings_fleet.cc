// What agents report of use, and what starts took.
#include "base/units.h"
#include "control/autoscaler/limits.h"
#include "control/autoscaler/readings.h"
#include "control/fleet/component_goal.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

constexpr MetricName kCpu{kEndpointNamespace, "CPUUtilization", "Percent"};
constexpr MetricName kMemory{kEndpointNamespace, "MemoryUtilization", "Percent"};
constexpr MetricName kDisk{kEndpointNamespace, "DiskUtilization", "Percent"};
constexpr MetricName kInstanceCpuNormalized{kEndpointNamespace, "CPUUtilizationNormalized", "Percent"};
constexpr MetricName kInstanceMemoryNormalized{kEndpointNamespace, "MemoryUtilizationNormalized", "Percent"};
constexpr MetricName kCpuReservation{kEndpointNamespace, "CPUReservation", "Percent"};
constexpr MetricName kMemoryReservation{kEndpointNamespace, "MemoryReservation", "Percent"};
constexpr MetricName kGpuReservation{kEndpointNamespace, "GPUReservation", "Percent"};
constexpr MetricName kCpuNormalized{kComponentNamespace, "CPUUtilizationNormalized", "Percent"};
constexpr MetricName kMemoryNormalized{kComponentNamespace, "MemoryUtilizationNormalized", "Percent"};
constexpr MetricName kCacheHits{kOwnNamespace, "CacheHits", "Count"};
constexpr MetricName kCacheMisses{kOwnNamespace, "CacheMisses", "Count"};
constexpr MetricName kBytes{kOwnNamespace, "BytesFetched", "Bytes"};
constexpr MetricName kPhaseSeconds{kOwnNamespace, "PhaseSeconds", "Seconds"};
constexpr MetricName kStartsFailed{kOwnNamespace, "StartsFailed", "Count"};

}  // namespace

// Agents report every ten seconds: what is read is what they last said, put once.
void Readings::read_usage(const View& view, const Endpoint& endpoint, const Reports& reports, WallTime now) {
  for (const auto& instance : view.instances_of_endpoint(endpoint.uid)) {
    auto found = reports.find(instance->id);
    if (found == reports.end()) continue;
    auto& usage = usage_[instance->id];
    if (usage.told != found->second) usage.told = found->second, usage.told_at = now;
    if (usage.told != usage.published && has_ended(endpoint.metrics.publish_s, now)) {
      publish_usage(view, endpoint, *instance, usage, now);
    }
  }
}

void Readings::publish_usage(const View& view, const Endpoint& endpoint, const Instance& instance, Usage& usage, WallTime now) {
  const auto& report = *usage.told;
  const double passed = std::chrono::duration<double>(usage.told_at - usage.published_at).count();
  const bool measured = usage.published != nullptr && passed > 0 && passed < kUsageMax.count();
  const Dimensions of_variant{{"EndpointName", endpoint.name}, {"VariantName", instance.variant}};
  auto of_instance = of_variant;
  of_instance["InstanceId"] = instance.id;
  auto put = [&](const MetricName& name, const Dimensions& dimensions, const Dimensions& finer, double part, double whole) {
    if (whole <= 0) return;
    writers_.of(name, endpoint.account, dimensions).put(now, 100 * part / whole);
    if (endpoint.metrics.enhanced) writers_.of(name, endpoint.account, finer).put(now, 100 * part / whole);
  };
  double cores_used = 0, memory_used = 0, cores_reserved = 0, memory_reserved = 0, accelerators_reserved = 0;
  bool of_components = false;
  std::map<std::string, double> cpu;
  for (const auto& copy : report.copies) {
    cpu[copy.id] = copy.cpu_seconds;
    memory_used += static_cast<double>(copy.memory_bytes);
    auto before = usage.cpu_seconds.find(copy.id);
    const bool rated = measured && before != usage.cpu_seconds.end() && copy.cpu_seconds >= before->second;
    const double cores = rated ? (copy.cpu_seconds - before->second) / passed : 0;
    cores_used += cores;
    auto record = view.copy(copy.id);
    auto component = record ? view.component_by_uid(record->component_uid) : nullptr;
    const auto* spec = component && !component->implicit ? fleet::spec_of(*component, *record, instance.instance_type) : nullptr;
    if (spec == nullptr) continue;
    of_components = true;
    cores_reserved += spec->cpu_cores;
    memory_reserved += static_cast<double>(spec->memory_min_mb) * kMiB;
    accelerators_reserved += spec->accelerators;
    const Dimensions of_component{{"InferenceComponentName", component->name}};
    auto of_copy = of_instance;
    of_copy["InferenceComponentName"] = component->name;
    of_copy["ContainerId"] = copy.id;
    if (rated) {
      put(kCpuNormalized, of_component, of_copy, cores, spec->cpu_cores > 0 ? spec->cpu_cores : report.machine.cpu_cores);
    }
    const auto reserved_mb = spec->memory_min_mb > 0 ? spec->memory_min_mb : spec->memory_max_mb;
    put(kMemoryNormalized, of_component, of_copy, static_cast<double>(copy.memory_bytes),
        static_cast<double>(reserved_mb) * kMiB);
  }
  const auto& machine = report.machine;
  const auto memory = static_cast<double>(machine.memory_bytes);
  if (measured) put(kCpu, of_variant, of_instance, cores_used, 1);
  put(kMemory, of_variant, of_instance, memory_used, memory);
  put(kDisk, of_variant, of_instance, static_cast<double>(report.disk_used_bytes), static_cast<double>(report.disk_budget_bytes));
  if (of_components) {
    if (measured) put(kInstanceCpuNormalized, of_variant, of_instance, cores_used, machine.cpu_cores);
    put(kInstanceMemoryNormalized, of_variant, of_instance, memory_used, memory);
    put(kCpuReservation, of_variant, of_instance, cores_reserved, machine.cpu_cores);
    put(kMemoryReservation, of_variant, of_instance, memory_reserved, memory);
    put(kGpuReservation, of_variant, of_instance, accelerators_reserved, machine.accelerators);
  }
  usage.published = usage.told, usage.published_at = usage.told_at;
  usage.cpu_seconds = std::move(cpu);
}

void Readings::know_starts(const View& view) {
  for (const auto& endpoint : view.endpoints()) {
    for (const auto& entry : view.timeline_of_endpoint(endpoint->uid)) counted_.insert(entry->id);
  }
}

void Readings::count_start(const View& view, const TimelineEntry& entry, WallTime now) {
  auto endpoint = view.endpoint_by_uid(entry.endpoint_uid);
  const bool ready = entry.outcome == "ready";
  if (!endpoint || (!ready && !entry.outcome.starts_with("failed"))) return;
  if (counted_.size() >= kCountedStartsMax) counted_.clear();
  if (!counted_.insert(entry.id).second) return;
  const auto& account = endpoint->account;
  const Dimensions of_endpoint{{"EndpointName", endpoint->name}};
  if (!ready) return writers_.of(kStartsFailed, account, of_endpoint).put(now, 1);
  for (const auto& phase : entry.phases) {
    auto dimensions = of_endpoint;
    if (phase.begin != 0 && phase.end >= phase.begin) {
      dimensions["Phase"] = phase.name;
      writers_.of(kPhaseSeconds, account, dimensions).put(now, static_cast<double>(phase.end - phase.begin) / 1000);
    }
    if (phase.name != "image" && phase.name != "model") continue;
    dimensions = of_endpoint;
    dimensions["Kind"] = phase.name;
    const bool hit = phase.source == "cache" || phase.source == "volume";
    if (!phase.source.empty()) writers_.of(hit ? kCacheHits : kCacheMisses, account, dimensions).put(now, 1);
    if (phase.bytes == 0) continue;
    dimensions["Source"] = phase.source;
    writers_.of(kBytes, account, dimensions).put(now, static_cast<double>(phase.bytes));
  }
}

}  // namespace zeropull::autoscaler
