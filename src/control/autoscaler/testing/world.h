// A world for tests of the whole loop: the reconciler with agents that converge (fleet/fake_fleet.h), a router's counters that
// follow a load, metrics in memory, the autoscaler, and clocks that a test drives and lets jump. No sleeps, no threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/autoscaler/autoscaler.h"
#include "control/autoscaler/testing/fake_traffic.h"
#include "control/fleet/fake_fleet.h"
#include "control/state/scaling_names.h"
#include "os/file.h"

namespace zeropull::autoscaler {

// The fleet's clock, with a wall that jumps by itself.
class JumpingClock final : public Clock {
 public:
  explicit JumpingClock(fleet::FakeClock& base) : base_(base) {}
  SteadyTime steady_now() const override { return base_.steady_now(); }
  WallTime wall_now() const override { return base_.wall_now() + offset_; }
  void jump(std::chrono::seconds by) { offset_ += by; }

 private:
  fleet::FakeClock& base_;
  std::chrono::seconds offset_{0};
};

class World : public fleet::FakeFleet {
 public:
  World() { start_scaler(); }

  // The server again, from what is durable alone; the load goes on.
  void restart() {
    scaler.reset();
    metrics.reset();
    start();
    start_scaler();
  }
  void start_scaler() {
    metrics = MUST(series::Store::open({.path = folder.path() + "/metrics.db", .own_thread = false}, wall));
    scaler = std::make_unique<Autoscaler>(AutoscalerParts{.state = *state,
                                                          .metrics = *metrics,
                                                          .traffic = [this] { return stats(); },
                                                          .reports = [this](const auto&) { return reports; },
                                                          .settings = settings,
                                                          .clock = wall,
                                                          .random = random});
  }

  // A quarter of a second of everybody's life; false when the process has ended.
  bool quarter() {
    traffic.pass(0.25, serving_ids());
    bool fine = scaler->run_once(ctx()).ok();
    if (++quarters_ % 4 == 0) {
      fine &= reconciler->run_once(ctx(), fleet::Reconciler::Which::kAll).ok();
      agents.step(*reconciler, clock);
      fine &= reconciler->sweep(ctx()).ok();
    }
    clock.advance(std::chrono::milliseconds(250));
    return fine && budget->left > 0;
  }
  bool live(double seconds) {
    bool fine = true;
    for (double at = 0; at < seconds && fine; at += 0.25) fine = quarter();
    return fine;
  }
  // Seconds until it holds; `seconds_max` when it never does.
  double until(const std::function<bool()>& holds, double seconds_max) {
    double at = 0;
    for (; at < seconds_max && !holds(); at += 0.25) quarter();
    return at;
  }
  // To the next multiple of so many seconds of the wall.
  void align(int seconds) {
    while (clock.wall_now().time_since_epoch() % std::chrono::seconds(seconds) != std::chrono::seconds(0)) quarter();
  }

  void in_service(int copies, const std::string& endpoint_tag = "") {
    state::Endpoint endpoint;
    endpoint.account = "1", endpoint.name = "llm", endpoint.uid = "e1", endpoint.variants = {managed(1, 8)};
    endpoint.variants[0].desired_instances = 2;
    endpoint.wrapped_key = "v1:key";
    if (!endpoint_tag.empty()) endpoint.tags[kDetectorTag] = endpoint_tag;
    add(std::move(endpoint));
    add_component(copies, spec("vllm"));
    until([&] { return component_is(state::ComponentStatus::kInService) && ready() == copies; }, 120);
  }
  int ready() { return static_cast<int>(serving_ids().size()); }
  int desired() { return component()->desired_copies; }

  // From here on the instances of the endpoint's variant scale.
  void scale_variant() { scales = {"1", std::string(state::kVariantDimension), "endpoint/llm/variant/all"}; }
  bool of_variant() const { return scales.dimension == state::kVariantDimension; }
  int desired_instances() { return endpoint()->variants.at(0).desired_instances; }
  void register_target(int min, int max) {
    state::ScalableTarget target;
    target.account = scales.account, target.dimension = scales.dimension, target.resource_id = scales.resource_id;
    target.id = "t1", target.capacity_min = min, target.capacity_max = max;
    add(std::move(target));
  }
  state::ScalingPolicy policy(const std::string& name, const std::string& type, const std::string& body) const {
    state::ScalingPolicy record;
    record.account = scales.account, record.dimension = scales.dimension, record.resource_id = scales.resource_id;
    record.name = name, record.id = "id-" + name, record.type = type, record.body = body;
    return record;
  }
  // Target tracking as PutScalingPolicy writes it, with its alarms.
  void track(const std::string& metric, double target, int period, const std::string& statistic, const std::string& more = "") {
    std::string type = period == 10 ? "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
                                    : "SageMakerInferenceComponentInvocationsPerCopy";
    if (of_variant()) type = "SageMakerVariantConcurrentRequestsPerModelHighResolution";
    auto record = policy("tt", "TargetTrackingScaling",
                         fmt::format(R"({{"TargetValue":{},"PredefinedMetricSpecification":{{"PredefinedMetricType":"{}"}}{}}})",
                                     target, type, more));
    record.alarm_high = "tt-high", record.alarm_low = "tt-low";
    auto arn = state::policy_arn("us-east-1", record);
    add_alarm("tt-high", metric, period, 3, "GreaterThanThreshold", target, statistic, arn, record.id);
    add_alarm("tt-low", metric, period, 900 / period, "LessThanThreshold", target * 0.9, statistic, arn, record.id);
    add(std::move(record));
  }
  void add_alarm(const std::string& name, const std::string& metric, int period, int periods, const std::string& comparison,
                 double threshold, const std::string& statistic, const std::string& action, const std::string& owner = "",
                 const std::string& name_space = "AWS/SageMaker") {
    state::Alarm alarm;
    alarm.account = "1", alarm.name = name, alarm.policy_id = owner;
    alarm.body = fmt::format(
        R"({{"AlarmName":"{}","MetricName":"{}","Namespace":"{}","Statistic":"{}","Period":{},"EvaluationPeriods":{},)"
        R"("Dimensions":[{}],"Threshold":{},"ComparisonOperator":"{}","AlarmActions":["{}"]}})",
        name, metric, name_space, statistic, period, periods, dimensions(), threshold, comparison, action);
    add(std::move(alarm));
  }
  void step_policy(const std::string& name, int adjustment, int cooldown = 60) {
    add(policy(name, "StepScaling",
               fmt::format(R"({{"AdjustmentType":"ChangeInCapacity","MetricAggregationType":"Maximum","Cooldown":{},)"
                           R"("StepAdjustments":[{{"MetricIntervalLowerBound":0,"ScalingAdjustment":{}}}]}})",
                           cooldown, adjustment)));
  }
  std::string arn_of(const std::string& name) const { return state::policy_arn("us-east-1", policy(name, "", "")); }
  state::List<state::ScalingActivity> activities() { return state->view().scaling_activities(scales.scaled()); }
  state::Ptr<state::ScalableTarget> target() { return state->view().scalable_target(scales.scaled()); }
  state::Ptr<state::Alarm> alarm(const std::string& name) { return state->view().alarm({"1", name}); }

  ResourceName scales{"1", std::string(state::kComponentDimension), "inference-component/qwen"};
  FakeTraffic traffic;  // upon the endpoint's first component
  Reports reports;      // of instances, as a test says
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-scaling-"));
  JumpingClock wall{clock};
  ScalingSettings settings;
  std::unique_ptr<series::Store> metrics;
  std::unique_ptr<Autoscaler> scaler;

 private:
  std::string dimensions() const {
    if (!of_variant()) return R"({"Name":"InferenceComponentName","Value":"qwen"})";
    return R"({"Name":"EndpointName","Value":"llm"},{"Name":"VariantName","Value":"all"})";
  }
  std::vector<std::string> serving_ids() {
    std::vector<std::string> ids;
    for (const auto& endpoint : routes.endpoints) {
      for (const auto& variant : endpoint.variants) {
        for (const auto& one : variant.components) {
          for (const auto& target : one.targets) ids.push_back(target.copy_id);
        }
      }
    }
    return ids;
  }
  router::RouterStats stats() {
    auto components = state->view().components_of_endpoint("e1");
    return traffic.stats(wall.steady_now(), components.empty() ? "" : components.front()->uid);
  }

  std::uint64_t quarters_ = 0;
};

}  // namespace zeropull::autoscaler
