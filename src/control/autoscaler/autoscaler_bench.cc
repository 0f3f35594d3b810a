// The question: what does the autoscaler take of a machine with 10,000 components, each with a scalable target, a policy that our
// detector serves and its two alarms? Half a core and 1 GiB are the limits, and 250 ms for a look but for those at the end of a
// second, which write metrics, and of a period, which evaluate alarms. A tenth of the components is asked two requests a second,
// the others nothing. Time is told by the bench, a minute of it after one that warms up.
//
//   autoscaler_bench FOLDER [COMPONENTS]      the metrics go there, and are removed
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/units.h"
#include "control/autoscaler/autoscaler.h"
#include "control/state/memory_kv.h"
#include "control/state/scaling_names.h"
#include "os/usage.h"

namespace {

using namespace zeropull;
using namespace zeropull::autoscaler;

constexpr double kCoresMax = 0.5, kLookMsMax = 250;
constexpr std::uint64_t kResidentMax = kGiB;
constexpr int kComponentsPerEndpoint = 10, kBusyOneIn = 10, kLooksPerSecond = 4, kWarmUpSeconds = 60, kSeconds = 60;

class ToldClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(now); }
  WallTime wall_now() const override { return WallTime(std::chrono::seconds(1'800'000'000) + now); }
  std::chrono::milliseconds now{1000};
};

void add_alarm(state::Changes& changes, const state::ScalingPolicy& policy, const std::string& name, const std::string& component,
               bool high) {
  state::Alarm alarm;
  alarm.account = "1", alarm.name = name, alarm.policy_id = policy.id;
  alarm.body = fmt::format(
      R"({{"AlarmName":"{}","MetricName":"ConcurrentRequestsPerCopy","Namespace":"AWS/SageMaker","Statistic":"Maximum",)"
      R"("Period":10,"EvaluationPeriods":{},"Dimensions":[{{"Name":"InferenceComponentName","Value":"{}"}}],"Threshold":{},)"
      R"("ComparisonOperator":"{}","AlarmActions":["{}"]}})",
      name, high ? 3 : 90, component, high ? 2 : 1.8, high ? "GreaterThanThreshold" : "LessThanThreshold",
      state::policy_arn("us-east-1", policy));
  changes.add(std::move(alarm));
}

// One component with a copy that serves, its target, policy and alarms.
void add_component(state::Changes& changes, const std::string& endpoint, int number) {
  const auto name = fmt::format("c{}", number);
  state::Component component;
  component.account = "1", component.name = name, component.uid = "u-" + name, component.variant = "all";
  component.endpoint_name = component.endpoint_uid = endpoint;
  component.desired_copies = 1, component.status = state::ComponentStatus::kInService;
  changes.add(component);
  state::Copy copy;
  copy.id = "copy-" + name, copy.endpoint_uid = endpoint, copy.component_uid = component.uid, copy.component = name;
  copy.phase = state::CopyPhase::kReady;
  changes.add(std::move(copy));
  state::ScalableTarget target;
  target.account = "1", target.dimension = state::kComponentDimension, target.resource_id = state::component_resource_id(name);
  target.id = "t-" + name, target.capacity_min = 1, target.capacity_max = 8;
  changes.add(target);
  state::ScalingPolicy policy;
  policy.account = "1", policy.dimension = target.dimension, policy.resource_id = target.resource_id, policy.name = "tt";
  policy.id = "p-" + name, policy.type = state::kTargetTracking;
  policy.body = R"({"TargetValue":2,"PredefinedMetricSpecification":{"PredefinedMetricType":)"
                R"("SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"}})";
  policy.alarm_high = name + "-high", policy.alarm_low = name + "-low";
  add_alarm(changes, policy, policy.alarm_high, name, true);
  add_alarm(changes, policy, policy.alarm_low, name, false);
  changes.add(std::move(policy));
}

bool measure(const std::string& folder, int components) {
  const auto path = folder + "/autoscaler_bench.db";
  auto remove = [&] {
    for (const auto* suffix : {"", "-wal"}) std::filesystem::remove(path + suffix);
  };
  remove();
  ToldClock clock;
  auto state = MUST(state::State::create(Context::root("bench"), state::make_memory_kv()));
  for (int first = 0; first < components; first += kComponentsPerEndpoint) {
    state::Changes changes;
    state::Endpoint endpoint;
    endpoint.account = "1", endpoint.name = endpoint.uid = fmt::format("e{}", first);
    endpoint.status = state::EndpointStatus::kInService, endpoint.variants.resize(1), endpoint.variants[0].name = "all";
    changes.add(endpoint);
    for (int i = first; i < std::min(components, first + kComponentsPerEndpoint); ++i) add_component(changes, endpoint.uid, i);
    MUST(state->commit(Context::root("bench"), std::move(changes)));
  }
  router::RouterStats stats;
  for (int i = 0; i < components; ++i) {
    stats.components.push_back({fmt::format("u-c{}", i), {}});
    stats.copies.push_back({fmt::format("copy-c{}", i), false, {}});
  }
  auto metrics = MUST(series::Store::open({.path = path, .own_thread = false}, clock));
  Autoscaler scaler(
      {.state = *state, .metrics = *metrics, .traffic = [&] { return stats; }, .reports = {}, .settings = {}, .clock = clock});
  const auto pass = [&](int look) {
    for (int i = 0; i < components; i += kBusyOneIn) {
      if (look % 2 != 0) continue;
      const auto at = static_cast<std::size_t>(i);
      for (auto* traffic : {&stats.components[at].traffic, &stats.copies[at].traffic}) {
        ++traffic->arrivals, ++traffic->completed[0], ++traffic->latency[9];
        traffic->latency_us_sum += 500'000;
        traffic->in_flight = 1;
      }
    }
    stats.time = clock.steady_now();
    MUST(scaler.run_once(Context::root("bench")));
    clock.now += std::chrono::milliseconds(1000 / kLooksPerSecond);
  };
  for (int look = 0; look < kWarmUpSeconds * kLooksPerSecond; ++look) pass(look);
  std::vector<double> looks;
  const double begin = os::used_cpu_seconds();
  for (int look = 0; look < kSeconds * kLooksPerSecond; ++look) {
    const double before = os::used_cpu_seconds();
    pass(look);
    looks.push_back((os::used_cpu_seconds() - before) * 1000);
  }
  const double cores = (os::used_cpu_seconds() - begin) / kSeconds;
  std::ranges::sort(looks);
  const auto resident = MUST(os::resident_bytes());
  const int decisions = static_cast<int>(state->view().scaling_activities().size());
  fmt::print("{} components: {:.2f} cores; a look takes {:.0f} ms, of 100 the worst {:.0f} ms, at most {:.0f} ms; ", components,
             cores, looks[looks.size() / 2], looks[looks.size() * 99 / 100], looks.back());
  fmt::print("{:.0f} MiB; {} decisions\n", static_cast<double>(resident) / kMiB, decisions);
  const bool good = cores <= kCoresMax && looks[looks.size() / 2] <= kLookMsMax && resident <= kResidentMax && decisions == 0;
  fmt::print("limits: {} cores, {} ms, {} MiB, no decision: {}\n", kCoresMax, kLookMsMax, kResidentMax / kMiB,
             good ? "held" : "MISSED");
  metrics.reset();
  remove();
  return good;
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "usage: autoscaler_bench FOLDER [COMPONENTS]\n");
    return 2;
  }
  return measure(words[1], count > 2 ? std::stoi(words[2]) : 10'000) ? 0 : 1;
}
