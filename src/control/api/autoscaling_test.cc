// Application Auto Scaling: what its operations write and answer, and its errors.
#include <gtest/gtest.h>

#include "control/api/autoscaling/limits.h"
#include "control/api/testing/test_api.h"
#include "control/state/scaling_activities.h"
#include "control/state/scaling_names.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

const json kComponent{{"ServiceNamespace", "sagemaker"},
                      {"ResourceId", "inference-component/ic"},
                      {"ScalableDimension", "sagemaker:inference-component:DesiredCopyCount"}};
const json kVariant{{"ServiceNamespace", "sagemaker"},
                    {"ResourceId", "endpoint/e/variant/AllTraffic"},
                    {"ScalableDimension", "sagemaker:variant:DesiredInstanceCount"}};

json tracking(const std::string& type, double target = 5) {
  return {{"TargetValue", target}, {"PredefinedMetricSpecification", {{"PredefinedMetricType", type}}}};
}
json policy(const json& resource, const std::string& name, const json& configuration) {
  return with(resource, {{"PolicyName", name},
                         {"PolicyType", "TargetTrackingScaling"},
                         {"TargetTrackingScalingPolicyConfiguration", configuration}});
}
const std::string kHighResolution = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution";
const json kOneStep{{"AdjustmentType", "ChangeInCapacity"},
                    {"MetricAggregationType", "Maximum"},
                    {"Cooldown", 60},
                    {"StepAdjustments", {{{"MetricIntervalLowerBound", 0}, {"ScalingAdjustment", 1}}}}};
json steps(const std::string& name, const json& configuration = kOneStep) {
  return with(kComponent,
              {{"PolicyName", name}, {"PolicyType", "StepScaling"}, {"StepScalingPolicyConfiguration", configuration}});
}

class AutoscalingTest : public testing::Test {
 protected:
  void SetUp() override {
    api.make_endpoint();
    api.ok("CreateInferenceComponent", TestApi::component("ic"));
    api.set_endpoint_status(state::EndpointStatus::kInService);
    set_component(state::ComponentStatus::kInService);
  }
  void set_component(state::ComponentStatus status) {
    api.change<state::Component>(api.component_record("ic"), [&](state::Component& next) { next.status = status; });
  }
  Answer call(const std::string& operation, const json& input, std::string_view account = kAccount) {
    return api.call("application-autoscaling:" + operation, input, account);
  }
  json ok(const std::string& operation, const json& input) { return api.ok("application-autoscaling:" + operation, input); }
  json register_component(int min = 0, int max = 4) {
    return ok("RegisterScalableTarget", with(kComponent, {{"MinCapacity", min}, {"MaxCapacity", max}}));
  }
  void expect_refused(const std::string& operation, const json& input, const std::string& message,
                      const std::string& type = "ValidationException") {
    auto answer = call(operation, input);
    EXPECT_EQ(answer.status, 400) << operation << " " << input << ": " << answer.body;
    EXPECT_EQ(answer.type(), type) << answer.body;
    EXPECT_NE(answer.message().find(message), std::string::npos) << operation << ": " << answer.body;
  }

  TestApi api;
};

TEST_F(AutoscalingTest, a_target_is_described_as_it_was_registered) {
  auto arn = ok("RegisterScalableTarget",
                with(kComponent, {{"MinCapacity", 0},
                                  {"MaxCapacity", 4},
                                  {"Tags", {{"team", "ml"}}},
                                  {"SuspendedState", {{"DynamicScalingInSuspended", true}}}}))["ScalableTargetARN"]
                 .get<std::string>();
  EXPECT_TRUE(arn.starts_with("arn:aws:application-autoscaling:us-east-1:111122223333:scalable-target/")) << arn;
  auto shown = ok("DescribeScalableTargets", {{"ServiceNamespace", "sagemaker"}})["ScalableTargets"];
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["ScalableTargetARN"], arn);
  EXPECT_EQ(shown[0]["MaxCapacity"], 4);
  EXPECT_EQ(shown[0]["SuspendedState"]["DynamicScalingInSuspended"], true);
  EXPECT_EQ(shown[0]["SuspendedState"]["ScheduledScalingSuspended"], false);
  EXPECT_TRUE(shown[0]["RoleARN"].get<std::string>().ends_with("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"));
  EXPECT_EQ(ok("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json({{"team", "ml"}}));
  // What is not given again stays.
  ok("RegisterScalableTarget", with(kComponent, {{"MaxCapacity", 6}}));
  shown = ok("DescribeScalableTargets", {{"ServiceNamespace", "sagemaker"}, {"ResourceIds", {"inference-component/ic"}}});
  EXPECT_EQ(shown["ScalableTargets"][0]["MinCapacity"], 0);
  EXPECT_EQ(shown["ScalableTargets"][0]["MaxCapacity"], 6);
  EXPECT_EQ(shown["ScalableTargets"][0]["ScalableTargetARN"], arn);
  EXPECT_EQ(shown["ScalableTargets"][0]["SuspendedState"]["DynamicScalingInSuspended"], true);
}

TEST_F(AutoscalingTest, targets_that_cannot_be_are_refused) {
  expect_refused("RegisterScalableTarget", kComponent, "needs MinCapacity and MaxCapacity");
  expect_refused("RegisterScalableTarget", with(kComponent, {{"MinCapacity", 3}, {"MaxCapacity", 2}}), "cannot be less than");
  expect_refused("RegisterScalableTarget", with(kComponent, {{"MinCapacity", -1}, {"MaxCapacity", 2}}), "minCapacity");
  json bounds{{"MinCapacity", 0}, {"MaxCapacity", 2}};
  expect_refused("RegisterScalableTarget", with(with(kComponent, bounds), {{"ResourceId", "inference-component/x"}}),
                 "inference-component/x does not exist");
  expect_refused("RegisterScalableTarget", with(with(kVariant, bounds), {{"ResourceId", "endpoint/e/variant/x"}}),
                 "does not exist");
  expect_refused("RegisterScalableTarget", with(with(kComponent, bounds), {{"ResourceId", "endpoint/e/variant/AllTraffic"}}),
                 "Unsupported service namespace, resource type or scalable dimension");
  expect_refused("RegisterScalableTarget", with(with(kComponent, bounds), {{"ServiceNamespace", "ecs"}}), "serviceNamespace");
  expect_refused("RegisterScalableTarget",
                 with(with(kVariant, bounds), {{"ScalableDimension", "sagemaker:variant:DesiredProvisionedConcurrency"}}),
                 "ScalableDimension with value sagemaker:variant:DesiredProvisionedConcurrency is not supported by Zeropull");
  register_component();
  expect_refused("RegisterScalableTarget", with(kComponent, {{"Tags", {{"a", "b"}}}}), "use TagResource");
  expect_refused("DescribeScalableTargets",
                 {{"ServiceNamespace", "sagemaker"}, {"ScalableDimension", kComponent["ScalableDimension"]}},
                 "you must also specify ResourceIds");
}

TEST_F(AutoscalingTest, new_bounds_move_the_capacity_at_once_with_an_activity) {
  register_component(2, 4);
  EXPECT_EQ(api.component_record("ic")->desired_copies, 2);
  EXPECT_EQ(api.component_record("ic")->status, state::ComponentStatus::kUpdating);
  auto activities = ok("DescribeScalingActivities", {{"ServiceNamespace", "sagemaker"}})["ScalingActivities"];
  ASSERT_EQ(activities.size(), 1u);
  EXPECT_EQ(activities[0]["Description"], "Setting desired copy count to 2.");
  EXPECT_EQ(activities[0]["Cause"], "minimum capacity was set to 2");
  EXPECT_EQ(activities[0]["StatusCode"], "InProgress");
  register_component(0, 1);
  EXPECT_EQ(api.component_record("ic")->desired_copies, 1);
  api.change<state::Endpoint>(api.endpoint(), [](state::Endpoint& next) { next.variants[0].scaling.enabled = false; });
  ok("RegisterScalableTarget", with(kVariant, {{"MinCapacity", 3}, {"MaxCapacity", 4}}));
  EXPECT_EQ(api.endpoint()->variants[0].desired_instances, 3);
  EXPECT_EQ(api.endpoint()->status, state::EndpointStatus::kUpdating);
}

TEST_F(AutoscalingTest, instances_that_follow_their_copies_are_left_to_these) {
  api.change<state::Endpoint>(api.endpoint(), [](state::Endpoint& next) {
    next.variants[0].model_name.clear();
    next.variants[0].scaling = {.enabled = true, .min = 1, .max = 8};
  });
  ok("RegisterScalableTarget", with(kVariant, {{"MinCapacity", 3}, {"MaxCapacity", 4}}));
  EXPECT_EQ(api.endpoint()->variants[0].desired_instances, 1);
  EXPECT_EQ(api.endpoint()->status, state::EndpointStatus::kInService);
  EXPECT_TRUE(ok("DescribeScalingActivities", {{"ServiceNamespace", "sagemaker"}})["ScalingActivities"].empty());
}

TEST_F(AutoscalingTest, a_resource_that_is_not_active_is_left_as_it_is) {
  set_component(state::ComponentStatus::kCreating);
  register_component(2, 4);
  EXPECT_EQ(api.component_record("ic")->desired_copies, 1);
  set_component(state::ComponentStatus::kDeleting);
  expect_refused("RegisterScalableTarget", with(kComponent, {{"MinCapacity", 0}}), "does not exist");
}

TEST_F(AutoscalingTest, target_tracking_makes_its_two_alarms) {
  register_component();
  auto put = ok("PutScalingPolicy", policy(kComponent, "tt", tracking(kHighResolution)));
  auto arn = put["PolicyARN"].get<std::string>();
  EXPECT_TRUE(arn.starts_with("arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:")) << arn;
  EXPECT_TRUE(arn.ends_with(":resource/sagemaker/inference-component/ic:policyName/tt")) << arn;
  ASSERT_EQ(put["Alarms"].size(), 2u);
  auto high = put["Alarms"][0]["AlarmName"].get<std::string>();
  EXPECT_TRUE(high.starts_with("TargetTracking-inference-component/ic-AlarmHigh-")) << high;
  EXPECT_EQ(put["Alarms"][0]["AlarmARN"], "arn:aws:cloudwatch:us-east-1:111122223333:alarm:" + high);
  auto alarms = api.ok("cloudwatch:DescribeAlarms", {{"AlarmNamePrefix", "TargetTracking-inference-component/ic"}});
  ASSERT_EQ(alarms["MetricAlarms"].size(), 2u);
  auto shown = alarms["MetricAlarms"][0];
  EXPECT_EQ(shown["MetricName"], "ConcurrentRequestsPerCopy");
  EXPECT_EQ(shown["Namespace"], "AWS/SageMaker");
  EXPECT_EQ(shown["Statistic"], "Maximum");
  EXPECT_EQ(shown["Dimensions"], json({{{"Name", "InferenceComponentName"}, {"Value", "ic"}}}));
  EXPECT_EQ(shown["Period"], 10);
  EXPECT_EQ(shown["EvaluationPeriods"], 3);
  EXPECT_EQ(shown["Threshold"], 5.0);
  EXPECT_EQ(shown["ComparisonOperator"], "GreaterThanThreshold");
  EXPECT_EQ(shown["StateValue"], "INSUFFICIENT_DATA");
  EXPECT_EQ(shown["StateReason"], "Unchecked: Initial alarm creation");
  auto action = shown["AlarmActions"][0].get<std::string>();
  EXPECT_TRUE(action.starts_with(arn + ":createdBy/")) << action;
  EXPECT_EQ(shown["AlarmDescription"], "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + action + ".");
  auto low = alarms["MetricAlarms"][1];
  EXPECT_EQ(low["EvaluationPeriods"], 90);
  EXPECT_EQ(low["Threshold"], 4.5);
  EXPECT_EQ(low["ComparisonOperator"], "LessThanThreshold");
  // Put again: the ARN stays, the alarms are new.
  auto again = ok("PutScalingPolicy", policy(kComponent, "tt", tracking(kHighResolution, 7)));
  EXPECT_EQ(again["PolicyARN"], arn);
  EXPECT_NE(again["Alarms"][0]["AlarmName"], high);
  auto described = ok("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}, {"PolicyNames", {"tt", "x"}}});
  ASSERT_EQ(described["ScalingPolicies"].size(), 1u);
  EXPECT_EQ(described["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"], tracking(kHighResolution, 7));
  EXPECT_EQ(described["ScalingPolicies"][0]["Alarms"], again["Alarms"]);
  EXPECT_EQ(api.state->view().alarms(kAccount).size(), 2u);
  ok("DeleteScalingPolicy", with(kComponent, {{"PolicyName", "tt"}}));
  EXPECT_TRUE(api.state->view().alarms(kAccount).empty());
}

TEST_F(AutoscalingTest, every_predefined_metric_has_its_alarm) {
  register_component();
  ok("RegisterScalableTarget", with(kVariant, {{"MinCapacity", 0}, {"MaxCapacity", 4}}));
  struct Case {
    json resource;
    std::string type, metric, statistic;
    int period;
  };
  for (const auto& one : std::vector<Case>{
           {kVariant, "SageMakerVariantInvocationsPerInstance", "InvocationsPerInstance", "Sum", 60},
           {kComponent, "SageMakerInferenceComponentInvocationsPerCopy", "InvocationsPerCopy", "Sum", 60},
           {kVariant, "SageMakerVariantConcurrentRequestsPerModelHighResolution", "ConcurrentRequestsPerModel", "Maximum", 10},
           {kComponent, kHighResolution, "ConcurrentRequestsPerCopy", "Maximum", 10}}) {
    auto put = ok("PutScalingPolicy", policy(one.resource, one.type, tracking(one.type)));
    auto alarm = api.ok("cloudwatch:DescribeAlarms", {{"AlarmNames", {put["Alarms"][1]["AlarmName"]}}})["MetricAlarms"][0];
    EXPECT_EQ(alarm["MetricName"], one.metric);
    EXPECT_EQ(alarm["Statistic"], one.statistic);
    EXPECT_EQ(alarm["Period"], one.period);
    EXPECT_EQ(alarm["EvaluationPeriods"].get<int>() * one.period, 900) << "scale-in takes a quarter of an hour";
    EXPECT_EQ(alarm["Dimensions"].size(), one.resource == kVariant ? 2u : 1u);
    const auto& other = one.resource == kVariant ? kComponent : kVariant;
    expect_refused("PutScalingPolicy", policy(other, "other", tracking(one.type)), "is not supported for the scalable dimension");
  }
  expect_refused("PutScalingPolicy", policy(kVariant, "x", tracking("SageMakerVariantProvisionedConcurrencyUtilization")),
                 "with value SageMakerVariantProvisionedConcurrencyUtilization is not supported by Zeropull");
}

TEST_F(AutoscalingTest, customized_metrics_and_metric_math_are_watched) {
  register_component();
  json customized{{"MetricName", "QueueDepth"}, {"Namespace", "Custom"}, {"Statistic", "Average"}, {"Unit", "Count"}};
  auto put =
      ok("PutScalingPolicy", policy(kComponent, "single", {{"TargetValue", 2}, {"CustomizedMetricSpecification", customized}}));
  auto alarm = api.ok("cloudwatch:DescribeAlarms", {{"AlarmNames", {put["Alarms"][0]["AlarmName"]}}})["MetricAlarms"][0];
  EXPECT_EQ(alarm["MetricName"], "QueueDepth");
  EXPECT_EQ(alarm["Unit"], "Count");
  EXPECT_EQ(alarm["Period"], 60);
  json queries{{{"Id", "m1"},
                {"MetricStat", {{"Metric", {{"Namespace", "Custom"}, {"MetricName", "A"}}}, {"Stat", "Sum"}}},
                {"ReturnData", false}},
               {{"Id", "e1"}, {"Expression", "m1 / 20"}}};
  auto math = [&](const json& given) {
    return policy(kComponent, "math", {{"TargetValue", 0.7}, {"CustomizedMetricSpecification", {{"Metrics", given}}}});
  };
  put = ok("PutScalingPolicy", math(queries));
  alarm = api.ok("cloudwatch:DescribeAlarms", {{"AlarmNames", {put["Alarms"][0]["AlarmName"]}}})["MetricAlarms"][0];
  EXPECT_EQ(alarm["Metrics"][0]["MetricStat"]["Period"], 60);
  EXPECT_EQ(alarm["Metrics"][1]["Expression"], "m1 / 20");
  EXPECT_FALSE(alarm.contains("Period"));
  auto broken = queries;
  broken[1]["Expression"] = "m2 / 20";
  expect_refused("PutScalingPolicy", math(broken), "m2");
  broken = queries;
  broken[0]["ReturnData"] = true;
  expect_refused("PutScalingPolicy", math(broken), "Exactly one element");
  auto lacking = customized;
  lacking.erase("Statistic");
  expect_refused("PutScalingPolicy", policy(kComponent, "x", {{"TargetValue", 2}, {"CustomizedMetricSpecification", lacking}}),
                 "needs a Statistic");
}

TEST_F(AutoscalingTest, policies_that_cannot_be_are_refused) {
  expect_refused("PutScalingPolicy", policy(kComponent, "tt", tracking(kHighResolution)),
                 "No scalable target registered for service namespace: sagemaker, resource ID: inference-component/ic, scalable "
                 "dimension: sagemaker:inference-component:DesiredCopyCount",
                 "ObjectNotFoundException");
  register_component();
  expect_refused("PutScalingPolicy", with(kComponent, {{"PolicyName", "x"}}), "needs a PolicyType");
  expect_refused("PutScalingPolicy", with(kComponent, {{"PolicyName", "x"}, {"PolicyType", "StepScaling"}}),
                 "needs a StepScalingPolicyConfiguration");
  expect_refused("PutScalingPolicy", policy(kComponent, "x", tracking(kHighResolution, 0)), "greater than 0");
  expect_refused("PutScalingPolicy", policy(kComponent, "x", {{"TargetValue", 1}}), "needs either");
  expect_refused("PutScalingPolicy", with(kComponent, {{"PolicyName", "x"}, {"PolicyType", "PredictiveScaling"}}),
                 "with value PredictiveScaling is not supported by Zeropull");
  ok("PutScalingPolicy", policy(kComponent, "tt", tracking(kHighResolution)));
  expect_refused("PutScalingPolicy", policy(kComponent, "other", tracking(kHighResolution)),
                 "Only one TargetTrackingScaling policy for a given metric specification is allowed");
  expect_refused("PutScalingPolicy", steps("tt"), "cannot be changed");
  auto gap = kOneStep;
  gap["StepAdjustments"] = {{{"MetricIntervalLowerBound", 0}, {"MetricIntervalUpperBound", 1}, {"ScalingAdjustment", 1}},
                            {{"MetricIntervalLowerBound", 2}, {"ScalingAdjustment", 2}}};
  EXPECT_EQ(call("PutScalingPolicy", steps("x", gap)).type(), "ValidationException");
  auto magnitude = kOneStep;
  magnitude["MinAdjustmentMagnitude"] = 2;
  expect_refused("PutScalingPolicy", steps("x", magnitude), "PercentChangeInCapacity alone");
  expect_refused("DeleteScalingPolicy", with(kComponent, {{"PolicyName", "x"}}), "No scaling policy found",
                 "ObjectNotFoundException");
}

TEST_F(AutoscalingTest, step_policies_are_invoked_by_callers_alarms) {
  register_component();
  for (const auto* type : {"ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"}) {
    auto configuration = kOneStep;
    configuration["AdjustmentType"] = type;
    ok("PutScalingPolicy", steps(type, configuration));
  }
  auto arn = ok("PutScalingPolicy", steps("ChangeInCapacity"))["PolicyARN"];
  api.ok("cloudwatch:PutMetricAlarm", {{"AlarmName", "wake"},
                                       {"MetricName", "NoCapacityInvocationFailures"},
                                       {"Namespace", "AWS/SageMaker"},
                                       {"Statistic", "Sum"},
                                       {"Period", 30},
                                       {"EvaluationPeriods", 1},
                                       {"Threshold", 1},
                                       {"ComparisonOperator", "GreaterThanOrEqualToThreshold"},
                                       {"AlarmActions", {arn}}});
  json named{{"ServiceNamespace", "sagemaker"}, {"PolicyNames", {"ChangeInCapacity"}}};
  auto shown = ok("DescribeScalingPolicies", named)["ScalingPolicies"][0];
  EXPECT_EQ(shown["StepScalingPolicyConfiguration"], kOneStep);
  EXPECT_EQ(shown["Alarms"][0]["AlarmName"], "wake");
  ok("DeleteScalingPolicy", with(kComponent, {{"PolicyName", "ChangeInCapacity"}}));
  auto alarm = api.ok("cloudwatch:DescribeAlarms", {{"AlarmNames", {"wake"}}})["MetricAlarms"][0];
  EXPECT_TRUE(alarm["AlarmActions"].empty()) << "the alarm stays, without the action";
}

TEST_F(AutoscalingTest, what_scales_goes_with_its_target_and_with_its_resource) {
  auto fill = [&] {
    register_component();
    ok("RegisterScalableTarget", with(kVariant, {{"MinCapacity", 0}, {"MaxCapacity", 4}}));
    ok("PutScalingPolicy", policy(kComponent, "tt", tracking(kHighResolution)));
    ok("PutScheduledAction",
       with(kComponent,
            {{"ScheduledActionName", "a"}, {"Schedule", "rate(1 hour)"}, {"ScalableTargetAction", {{"MinCapacity", 1}}}}));
  };
  fill();
  ok("DeregisterScalableTarget", kComponent);
  EXPECT_EQ(api.state->view().scalable_targets().size(), 1u);
  EXPECT_TRUE(api.state->view().alarms().empty());
  EXPECT_TRUE(api.state->view().scheduled_actions().empty());
  EXPECT_TRUE(api.state->view().scaling_policies().empty());
  expect_refused("DeregisterScalableTarget", kComponent, "No scalable target found for service namespace: sagemaker",
                 "ObjectNotFoundException");
  fill();
  api.ok("DeleteInferenceComponent", {{"InferenceComponentName", "ic"}});
  EXPECT_EQ(api.state->view().scalable_targets().size(), 1u);
  EXPECT_TRUE(api.state->view().alarms().empty());
  set_component(state::ComponentStatus::kInService);
  fill();
  api.ok("DeleteEndpoint", {{"EndpointName", "e"}});
  EXPECT_TRUE(api.state->view().scalable_targets().empty());
  EXPECT_TRUE(api.state->view().scaling_policies().empty());
}

TEST_F(AutoscalingTest, scheduled_actions_are_checked_and_kept) {
  json action = with(kComponent, {{"ScheduledActionName", "morning"},
                                  {"Schedule", "cron(0 7 ? * MON-FRI *)"},
                                  {"Timezone", "Europe/Berlin"},
                                  {"StartTime", 1782000100},
                                  {"ScalableTargetAction", {{"MinCapacity", 2}, {"MaxCapacity", 8}}}});
  expect_refused("PutScheduledAction", action, "No scalable target registered", "ObjectNotFoundException");
  register_component();
  ok("PutScheduledAction", action);
  auto shown = ok("DescribeScheduledActions",
                  {{"ServiceNamespace", "sagemaker"}, {"ScheduledActionNames", {"morning"}}})["ScheduledActions"][0];
  EXPECT_EQ(shown["Schedule"], action["Schedule"]);
  EXPECT_EQ(shown["Timezone"], "Europe/Berlin");
  EXPECT_EQ(shown["StartTime"], 1782000100.0);
  EXPECT_EQ(shown["ScalableTargetAction"], action["ScalableTargetAction"]);
  EXPECT_TRUE(shown["ScheduledActionARN"].get<std::string>().ends_with(
      ":resource/sagemaker/inference-component/ic:scheduledActionName/morning"));
  // An update keeps what it does not give, but for the times.
  ok("PutScheduledAction", with(kComponent, {{"ScheduledActionName", "morning"}, {"Timezone", "UTC"}}));
  shown = ok("DescribeScheduledActions", with(kComponent, json::object()))["ScheduledActions"][0];
  EXPECT_EQ(shown["Schedule"], action["Schedule"]);
  EXPECT_EQ(shown["Timezone"], "UTC");
  EXPECT_FALSE(shown.contains("StartTime"));
  auto changed = [&](const json& more) { return with(with(action, {{"ScheduledActionName", "x"}}), more); };
  expect_refused("PutScheduledAction", changed({{"Schedule", "cron(1)"}}), "");
  expect_refused("PutScheduledAction", changed({{"Timezone", "Europe/Nowhere"}}), "Europe/Nowhere");
  expect_refused("PutScheduledAction", changed({{"ScalableTargetAction", json::object()}}), "needs a MinCapacity");
  expect_refused("PutScheduledAction", changed({{"ScalableTargetAction", {{"MinCapacity", 2}, {"MaxCapacity", 1}}}}),
                 "cannot be less");
  expect_refused("PutScheduledAction", changed({{"EndTime", 1782000000}}), "EndTime must be after StartTime");
  expect_refused("PutScheduledAction", changed({{"ScheduledActionName", "a/b"}}), "scheduledActionName");
  ok("DeleteScheduledAction", with(kComponent, {{"ScheduledActionName", "morning"}}));
  expect_refused("DeleteScheduledAction", with(kComponent, {{"ScheduledActionName", "morning"}}), "No scheduled action found",
                 "ObjectNotFoundException");
}

TEST_F(AutoscalingTest, activities_come_newest_first_in_pages) {
  for (int i = 0; i < 5; ++i) {
    state::ScalingActivity activity;
    activity.account = kAccount;
    activity.dimension = kComponent["ScalableDimension"].get<std::string>();
    activity.resource_id = i == 3 ? "inference-component/other" : "inference-component/ic";
    activity.id = "a" + std::to_string(i);
    activity.begin = 1782000000000 - i * 1000;
    activity.status = state::ActivityStatus::kSuccessful;
    if (i == 1) activity.not_scaled = {{"AlreadyAtMaxCapacity", 4, {}, {}}};
    if (i == 4) activity.begin = 1;  // long ago
    api.add(activity);
  }
  json all{{"ServiceNamespace", "sagemaker"}};
  auto shown = ok("DescribeScalingActivities", all)["ScalingActivities"];
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0]["ActivityId"], "a0");
  auto included = ok("DescribeScalingActivities", with(kComponent, {{"IncludeNotScaledActivities", true}}));
  ASSERT_EQ(included["ScalingActivities"].size(), 3u);
  EXPECT_EQ(included["ScalingActivities"][1]["NotScaledReasons"][0],
            json({{"Code", "AlreadyAtMaxCapacity"}, {"MaxCapacity", 4}}));
  std::vector<std::string> ids;
  json page{{"NextToken", nullptr}};
  do {
    page = ok("DescribeScalingActivities", with(all, {{"MaxResults", 1}, {"NextToken", page.value("NextToken", json())}}));
    for (const auto& one : page["ScalingActivities"]) ids.push_back(one["ActivityId"]);
  } while (page.contains("NextToken"));
  EXPECT_EQ(ids, (std::vector<std::string>{"a0", "a2", "a3"}));
  expect_refused("DescribeScalingActivities", with(all, {{"NextToken", "x"}}), "NextToken", "InvalidNextTokenException");
}

TEST_F(AutoscalingTest, tags_of_targets_are_their_own) {
  auto arn = register_component()["ScalableTargetARN"];
  ok("TagResource", {{"ResourceARN", arn}, {"Tags", {{"a", "1"}, {"b", "2"}}}});
  ok("UntagResource", {{"ResourceARN", arn}, {"TagKeys", {"a"}}});
  EXPECT_EQ(ok("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json({{"b", "2"}}));
  auto other = arn.get<std::string>() + "0";
  expect_refused("ListTagsForResource", {{"ResourceARN", other}}, "does not exist", "ResourceNotFoundException");
  json many = json::object();
  for (int i = 0; i < 50; ++i) many["k" + std::to_string(i)] = "v";
  expect_refused("TagResource", {{"ResourceARN", arn}, {"Tags", many}}, "51 tags", "TooManyTagsException");
}

TEST_F(AutoscalingTest, quotas_hold) {
  register_component();
  for (std::size_t i = 0; i < autoscaling::kPoliciesPerTargetMax; ++i) ok("PutScalingPolicy", steps(fmt::format("p{:02}", i)));
  expect_refused("PutScalingPolicy", steps("one-more"), "has 50 scaling policies", "LimitExceededException");
  auto page = ok("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}});
  EXPECT_EQ(page["ScalingPolicies"].size(), 10u) << "ten a page";
  auto next = ok("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}, {"NextToken", page["NextToken"]}});
  EXPECT_EQ(next["ScalingPolicies"][0]["PolicyName"], "p10");
}

TEST_F(AutoscalingTest, other_accounts_see_nothing) {
  auto arn = register_component()["ScalableTargetARN"];
  ok("PutScalingPolicy", steps("p"));
  auto foreign = [&](const std::string& operation, const json& input) { return call(operation, input, kOtherAccount); };
  json all{{"ServiceNamespace", "sagemaker"}};
  EXPECT_TRUE(foreign("DescribeScalableTargets", all).body["ScalableTargets"].empty());
  EXPECT_TRUE(foreign("DescribeScalingPolicies", all).body["ScalingPolicies"].empty());
  EXPECT_TRUE(foreign("DescribeScalingActivities", all).body["ScalingActivities"].empty());
  EXPECT_EQ(foreign("DeregisterScalableTarget", kComponent).type(), "ObjectNotFoundException");
  EXPECT_EQ(foreign("PutScalingPolicy", steps("q")).type(), "ObjectNotFoundException");
  EXPECT_EQ(foreign("DeleteScalingPolicy", with(kComponent, {{"PolicyName", "p"}})).type(), "ObjectNotFoundException");
  EXPECT_EQ(foreign("ListTagsForResource", {{"ResourceARN", arn}}).type(), "ResourceNotFoundException");
  EXPECT_EQ(foreign("RegisterScalableTarget", with(kComponent, {{"MinCapacity", 0}, {"MaxCapacity", 1}})).type(),
            "ValidationException");
}

}  // namespace
}  // namespace zeropull::api
