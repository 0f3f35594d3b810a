// Metrics under SageMaker's names and our own, from a router's counters and records.
#include "control/autoscaler/readings.h"

#include <gtest/gtest.h>

#include "control/autoscaler/testing/world.h"

namespace zeropull::autoscaler {
namespace {

class ReadingsTest : public testing::Test, public World {
 protected:
  // Over the last `seconds`, which end at a multiple of ten.
  std::optional<double> value(const std::string& metric, const std::string& statistic, int seconds = 60,
                              Dimensions dimensions = {{"InferenceComponentName", "qwen"}},
                              const std::string& name_space = "AWS/SageMaker") {
    series::SeriesKey key{.account = "1", .name_space = name_space, .metric = metric, .dimensions = std::move(dimensions)};
    auto to = std::chrono::floor<std::chrono::minutes>(wall.wall_now());
    auto points = MUST(metrics->get(key, MUST(series::parse_statistic(statistic)), std::chrono::seconds(seconds),
                                    to - std::chrono::seconds(seconds), to));
    return points.empty() ? std::nullopt : std::optional(points.back().value);
  }
  // How many points of a period the minute before this one has.
  std::size_t points(const std::string& metric, int period, const Dimensions& dimensions,
                     const std::string& name_space = "AWS/SageMaker") {
    series::SeriesKey key{.account = "1", .name_space = name_space, .metric = metric, .dimensions = dimensions};
    auto to = std::chrono::floor<std::chrono::minutes>(wall.wall_now());
    return MUST(metrics->points(key, std::chrono::seconds(period), to - std::chrono::minutes(1), to)).size();
  }
  void minutes(int count) {
    align(60);
    live(60.0 * count + 2);
  }
  void configure(state::MetricsSettings asked) {
    change<state::Endpoint>(endpoint(), [&](auto& next) { next.metrics = asked; });
  }
  Dimensions of_copy(const state::Copy& copy) {
    return {{"InferenceComponentName", "qwen"},
            {"EndpointName", "llm"},
            {"VariantName", "all"},
            {"InstanceId", copy.instance_id},
            {"ContainerId", copy.id}};
  }
  // What the copy's instance says: so many cores used since the second 0, half a GiB in use.
  void report(const state::Copy& copy, double cores) {
    agent::Report told;
    told.machine.cpu_cores = 8, told.machine.memory_bytes = std::uint64_t{4} << 30, told.machine.accelerators = 4;
    told.disk_used_bytes = 1, told.disk_budget_bytes = 4;
    told.copies.push_back({.id = copy.id});
    told.copies[0].cpu_seconds = cores * std::chrono::duration<double>(wall.wall_now().time_since_epoch()).count();
    told.copies[0].memory_bytes = std::uint64_t{512} << 20;
    reports[copy.instance_id] = std::make_shared<const agent::Report>(std::move(told));
  }
};

TEST_F(ReadingsTest, requests_have_the_documented_names_units_and_statistics) {
  in_service(2);
  traffic.rate = 8;  // four at work
  live(10);
  minutes(1);
  EXPECT_EQ(value("Invocations", "Sum"), 480);
  EXPECT_EQ(value("InvocationsPerCopy", "Sum"), 240);
  EXPECT_EQ(value("ConcurrentRequestsPerCopy", "Maximum"), 2);
  EXPECT_EQ(value("ConcurrentRequestsPerCopy", "Maximum", 10), 2);
  EXPECT_NEAR(*value("ModelLatency", "Average"), 500'000, 1);
  EXPECT_EQ(value("Invocation5XXErrors", "Sum"), 0);
  EXPECT_EQ(value("Invocation4XXErrors", "Average"), 0);
  EXPECT_EQ(value("NoCapacityInvocationFailures", "Sum"), std::nullopt);
  const Dimensions variant{{"EndpointName", "llm"}, {"VariantName", "all"}};
  const auto instances = value("Instances", "Maximum", 60, variant, "Zeropull").value_or(0);
  EXPECT_EQ(value("Invocations", "Sum", 60, variant), 480) << "of all its components";
  EXPECT_NEAR(*value("InvocationsPerInstance", "Sum", 60, variant), 480 / instances, 1e-6);
  EXPECT_EQ(value("ConcurrentRequestsPerModel", "Maximum", 10, variant), 4 / instances);
  EXPECT_EQ(metrics->unit({"1", "AWS/SageMaker", "ModelLatency", {{"InferenceComponentName", "qwen"}}}), "Microseconds");
  EXPECT_EQ(value("CopiesReady", "Maximum", 60, {{"InferenceComponentName", "qwen"}}, "Zeropull"), 2);
  EXPECT_EQ(value("CopiesWanted", "Maximum", 60, {{"InferenceComponentName", "qwen"}}, "Zeropull"), 2);
  EXPECT_GE(value("Instances", "Maximum", 60, {{"EndpointName", "llm"}, {"VariantName", "all"}}, "Zeropull"), 1);
}

TEST_F(ReadingsTest, no_traffic_is_zero_and_no_copies_are_no_points) {
  in_service(1);
  minutes(1);
  EXPECT_EQ(value("Invocations", "Sum"), 0);
  EXPECT_EQ(value("InvocationsPerCopy", "Sum"), 0);
  EXPECT_EQ(value("ConcurrentRequestsPerCopy", "Maximum"), 0);
  update_component([](auto& next) { next.desired_copies = 0; });
  live(60);
  traffic.rate = 1;
  minutes(1);
  EXPECT_EQ(value("ConcurrentRequestsPerCopy", "Maximum"), std::nullopt);
  EXPECT_EQ(value("InvocationsPerCopy", "Sum"), std::nullopt);
  EXPECT_EQ(value("NoCapacityInvocationFailures", "Sum"), 60);
  EXPECT_EQ(value("RequestsThatWaited", "Sum", 60, {{"InferenceComponentName", "qwen"}}, "Zeropull"), 60);
  EXPECT_GT(value("HeldRequests", "Maximum", 60, {{"InferenceComponentName", "qwen"}}, "Zeropull"), 59);
}

TEST_F(ReadingsTest, starts_count_once_with_their_sources_and_phases) {
  in_service(1);
  align(60);
  update_component([](auto& next) { next.desired_copies = 3; });
  minutes(1);
  const Dimensions images{{"EndpointName", "llm"}, {"Kind", "image"}};
  EXPECT_EQ(value("CacheMisses", "Sum", 60, images, "Zeropull"), 2);
  restart();
  minutes(2);
  EXPECT_EQ(value("CacheMisses", "Sum", 60, images, "Zeropull"), std::nullopt) << "what was before is not counted again";
}

TEST_F(ReadingsTest, enhanced_metrics_have_series_of_each_copy_from_then_on) {
  in_service(2);
  traffic.rate = 8;
  minutes(1);
  configure({.enhanced = true});
  minutes(1);
  EXPECT_EQ(value("Invocations", "Sum"), 480);
  for (const auto& copy : copies()) {
    EXPECT_EQ(value("Invocations", "Sum", 60, of_copy(*copy)), 240);
    EXPECT_EQ(value("ConcurrentRequestsPerCopy", "Maximum", 10, of_copy(*copy)), 2);
    EXPECT_NEAR(*value("ModelLatency", "Average", 60, of_copy(*copy)), 500'000, 1);
    EXPECT_EQ(value("OverheadLatency", "Average", 60, of_copy(*copy)), std::nullopt) << "that is before there is a copy";
    EXPECT_LE(*value("Invocations", "Sum", 3600, of_copy(*copy)), 480) << "what was before it was asked for is not told at once";
  }
}

TEST_F(ReadingsTest, the_publishing_frequency_gathers_invocations_where_they_are_enhanced_and_loses_none) {
  in_service(1);
  traffic.rate = 2;
  configure({.enhanced = false, .publish_s = 60});
  minutes(1);
  const Dimensions of_component{{"InferenceComponentName", "qwen"}};
  EXPECT_EQ(points("Invocations", 10, of_component), 6u) << "it governs use alone";
  configure({.enhanced = true, .publish_s = 30});
  minutes(2);
  EXPECT_EQ(points("Invocations", 10, of_component), 2u);
  EXPECT_EQ(points("Invocations", 10, of_copy(*copies()[0])), 2u);
  EXPECT_EQ(value("Invocations", "Sum"), 120);
  EXPECT_EQ(value("InvocationsPerCopy", "Sum"), 120);
  EXPECT_EQ(value("ModelLatency", "SampleCount"), 120);
  EXPECT_EQ(points("ConcurrentRequestsPerCopy", 10, of_component), 6u) << "what is of high resolution stays so";
  EXPECT_EQ(points("CopiesReady", 10, of_component, "Zeropull"), 6u);
  configure({.enhanced = true, .publish_s = 300});
  update_component([](auto& next) { next.desired_copies = 0; });
  minutes(2);
  EXPECT_EQ(points("NoCapacityInvocationFailures", 10, of_component), 6u) << "it wakes what is at zero";
}

TEST_F(ReadingsTest, use_is_of_instance_and_copy_and_as_coarse_as_asked_for) {
  in_service(1);
  const auto copy = copies()[0];
  const Dimensions of_variant{{"EndpointName", "llm"}, {"VariantName", "all"}};
  auto of_instance = of_variant;
  of_instance["InstanceId"] = copy->instance_id;
  const Dimensions of_component{{"InferenceComponentName", "qwen"}};
  auto a_minute = [&] {
    align(60);
    for (int i = 0; i < 6; ++i) report(*copy, 1), live(10);
    live(2);
  };
  a_minute();
  a_minute();
  const std::string endpoints = "/aws/sagemaker/Endpoints", components = "/aws/sagemaker/InferenceComponents";
  EXPECT_EQ(points("CPUUtilization", 10, of_variant, endpoints), 6u);
  EXPECT_NEAR(*value("CPUUtilization", "Average", 60, of_variant, endpoints), 100, 3) << "one core";
  EXPECT_NEAR(*value("CPUUtilizationNormalized", "Average", 60, of_variant, endpoints), 12.5, 0.4);
  EXPECT_EQ(value("MemoryUtilization", "Average", 60, of_variant, endpoints), 12.5);
  EXPECT_EQ(value("DiskUtilization", "Average", 60, of_variant, endpoints), 25);
  EXPECT_EQ(value("CPUReservation", "Average", 60, of_variant, endpoints), 25) << "two of eight";
  EXPECT_EQ(value("MemoryReservation", "Average", 60, of_variant, endpoints), 25);
  EXPECT_EQ(value("GPUReservation", "Average", 60, of_variant, endpoints), 25);
  EXPECT_NEAR(*value("CPUUtilizationNormalized", "Average", 60, of_component, components), 50, 2);
  EXPECT_EQ(value("MemoryUtilizationNormalized", "Average", 60, of_component, components), 50);
  EXPECT_EQ(points("CPUUtilization", 10, of_instance, endpoints), 0u);
  configure({.enhanced = true, .publish_s = 30});
  a_minute();
  a_minute();
  EXPECT_EQ(points("CPUUtilization", 10, of_variant, endpoints), 2u);
  EXPECT_NEAR(*value("CPUUtilization", "Average", 60, of_instance, endpoints), 100, 3);
  EXPECT_EQ(value("MemoryUtilizationNormalized", "Average", 60, of_copy(*copy), components), 50);
}

}  // namespace
}  // namespace zeropull::autoscaler
