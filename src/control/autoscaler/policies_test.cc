#include "control/autoscaler/policies.h"

#include <gtest/gtest.h>

namespace zeropull::autoscaler {
namespace {

state::ScalingPolicy tracking(const std::string& predefined) {
  state::ScalingPolicy policy;
  policy.name = "tt", policy.type = "TargetTrackingScaling";
  policy.body = R"({"TargetValue":5,"PredefinedMetricSpecification":{"PredefinedMetricType":")" + predefined + R"("}})";
  return policy;
}

TEST(Policies, the_type_and_the_tag_choose_the_detector) {
  auto chosen = [](const std::string& type, const std::string& tag) {
    return detector_of(MUST(parse_tracking(tracking(type))), tag);
  };
  const std::string high = "SageMakerVariantConcurrentRequestsPerModelHighResolution",
                    low = "SageMakerVariantInvocationsPerInstance";
  EXPECT_EQ(chosen(high, ""), Detector::kOwn);
  EXPECT_EQ(chosen(high, "aws"), Detector::kAws);
  EXPECT_EQ(chosen(low, ""), Detector::kAws);
  EXPECT_EQ(chosen(low, "own"), Detector::kOwn);
  EXPECT_EQ(chosen("", "own"), Detector::kAws) << "a customized metric is nothing that the router sees";
}

TEST(Policies, broken_texts_are_errors) {
  state::ScalingPolicy policy;
  policy.body = "{";
  EXPECT_FALSE(parse_tracking(policy).ok());
  EXPECT_FALSE(parse_step(policy).ok());
  policy.body = R"({"TargetValue":0})";
  EXPECT_FALSE(parse_tracking(policy).ok());
}

}  // namespace
}  // namespace zeropull::autoscaler
