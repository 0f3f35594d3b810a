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
  void minutes(int count) {
    align(60);
    live(60.0 * count + 2);
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

}  // namespace
}  // namespace zeropull::autoscaler
