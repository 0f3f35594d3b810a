// Zeropull.DescribeScaling: what scales of an endpoint, by whom it is seen, and why.
#include <gtest/gtest.h>

#include "control/api/testing/test_api.h"
#include "control/state/scaling_activities.h"
#include "control/state/scaling_names.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

const json kResource{{"ServiceNamespace", "sagemaker"},
                     {"ResourceId", "inference-component/ic"},
                     {"ScalableDimension", "sagemaker:inference-component:DesiredCopyCount"}};

class ScalingReportTest : public testing::Test {
 protected:
  void SetUp() override {
    api.make_endpoint();
    api.ok("CreateInferenceComponent", TestApi::component("ic"));
    api.set_endpoint_status(state::EndpointStatus::kInService);
    api.change<state::Component>(api.component_record("ic"),
                                 [](state::Component& next) { next.status = state::ComponentStatus::kInService; });
  }
  json report() { return api.ok("Zeropull.DescribeScaling", {{"EndpointName", "e"}}); }

  TestApi api;
};

TEST_F(ScalingReportTest, an_endpoint_of_which_nothing_scales_has_no_targets) { EXPECT_TRUE(report()["Targets"].empty()); }

TEST_F(ScalingReportTest, a_target_has_its_detector_bounds_policies_alarms_and_activities) {
  api.ok("application-autoscaling:RegisterScalableTarget", with(kResource, {{"MinCapacity", 0}, {"MaxCapacity", 4}}));
  auto configuration = json{{"TargetValue", 5},
                            {"PredefinedMetricSpecification",
                             {{"PredefinedMetricType", "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"}}}};
  api.ok("application-autoscaling:PutScalingPolicy",
         with(kResource, {{"PolicyName", "tt"},
                          {"PolicyType", "TargetTrackingScaling"},
                          {"TargetTrackingScalingPolicyConfiguration", configuration}}));
  state::ScalingActivity activity;
  activity.account = kAccount, activity.resource_id = "inference-component/ic", activity.id = "a1";
  activity.dimension = state::kComponentDimension;
  activity.from = 1, activity.to = 3, activity.explanation = "24 requests in 1.5 s are more";
  api.add(activity);
  auto targets = report()["Targets"];
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets[0]["Mode"], "own");
  EXPECT_EQ(targets[0]["MaxCapacity"], 4);
  EXPECT_EQ(targets[0]["ReadyCapacity"], 0);
  EXPECT_EQ(targets[0]["Policies"][0]["Detector"], "own");
  EXPECT_EQ(targets[0]["Alarms"].size(), 2u);
  EXPECT_EQ(targets[0]["Alarms"][0]["State"], "INSUFFICIENT_DATA");
  EXPECT_EQ(targets[0]["Activities"][0]["Explanation"], "24 requests in 1.5 s are more");
  EXPECT_EQ(targets[0]["Activities"][0]["To"], 3);
  EXPECT_EQ(api.call("Zeropull.DescribeScaling", {{"EndpointName", "other"}}).status, 400);
}

}  // namespace
}  // namespace zeropull::api
