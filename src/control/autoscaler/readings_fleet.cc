// What agents report of use, and what starts took.
#include <algorithm>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/readings.h"
#include "control/fleet/steps.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

constexpr MetricName kCpu{kEndpointNamespace, "CPUUtilization", "Percent"};
constexpr MetricName kMemory{kEndpointNamespace, "MemoryUtilization", "Percent"};
constexpr MetricName kDisk{kEndpointNamespace, "DiskUtilization", "Percent"};
constexpr MetricName kCpuNormalized{kComponentNamespace, "CPUUtilizationNormalized", "Percent"};
constexpr MetricName kMemoryNormalized{kComponentNamespace, "MemoryUtilizationNormalized", "Percent"};
constexpr MetricName kCacheHits{kOwnNamespace, "CacheHits", "Count"};
constexpr MetricName kCacheMisses{kOwnNamespace, "CacheMisses", "Count"};
constexpr MetricName kBytes{kOwnNamespace, "BytesFetched", "Bytes"};
constexpr MetricName kPhaseSeconds{kOwnNamespace, "PhaseSeconds", "Seconds"};
constexpr MetricName kStartsFailed{kOwnNamespace, "StartsFailed", "Count"};

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

}  // namespace

// Agents report now and then: what is read is what they last said, put once.
void Readings::read_usage(const View& view, const Endpoint& endpoint, const Reports& reports, WallTime now) {
  for (const auto& instance : view.instances_of_endpoint(endpoint.uid)) {
    auto found = reports.find(instance->id);
    if (found == reports.end()) continue;
    auto& usage = usage_[instance->id];
    if (usage.report == found->second) continue;
    const auto& report = *found->second;
    const double passed = std::chrono::duration<double>(now - usage.at).count();
    const bool measured = usage.report != nullptr && passed > 0 && passed < 600;
    double cores_used = 0, memory_used = 0;
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
      if (!component || component->implicit || component->specs.empty()) continue;
      const auto& spec = component->specs.front();
      const double reserved_cores = spec.cpu_cores > 0 ? spec.cpu_cores : report.machine.cpu_cores;
      const double reserved_mb = static_cast<double>(spec.memory_min_mb > 0 ? spec.memory_min_mb : spec.memory_max_mb);
      const Dimensions dimensions{{"InferenceComponentName", component->name}};
      if (rated) writers_.of(kCpuNormalized, endpoint.account, dimensions).put(now, percent(cores, reserved_cores));
      if (reserved_mb > 0) {
        writers_.of(kMemoryNormalized, endpoint.account, dimensions)
            .put(now, percent(static_cast<double>(copy.memory_bytes), reserved_mb * 1024 * 1024));
      }
    }
    const Dimensions dimensions{{"EndpointName", endpoint.name}, {"VariantName", instance->variant}};
    if (measured) writers_.of(kCpu, endpoint.account, dimensions).put(now, 100 * cores_used);
    if (report.machine.memory_bytes > 0) {
      writers_.of(kMemory, endpoint.account, dimensions)
          .put(now, percent(memory_used, static_cast<double>(report.machine.memory_bytes)));
    }
    if (report.disk_budget_bytes > 0) {
      writers_.of(kDisk, endpoint.account, dimensions)
          .put(now, percent(static_cast<double>(report.disk_used_bytes), static_cast<double>(report.disk_budget_bytes)));
    }
    usage = {.report = found->second, .at = now, .cpu_seconds = std::move(cpu)};
  }
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
