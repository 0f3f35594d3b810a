// AWS's way through the whole loop: alarms, target tracking, step scaling, schedules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/autoscaler/testing/world.h"
#include "control/state/millis.h"

namespace zeropull::autoscaler {
namespace {

using state::AlarmValue;
using testing::HasSubstr;

class AlarmsTest : public testing::Test, public World {
 protected:
  void steady(const std::string& tag, int min = 1) {
    in_service(2, tag);
    register_target(min, 20);
    traffic.rate = 6;
  }
  // One of the metrics that an expression is made of.
  static std::string math_metric(const std::string& id, const std::string& name_space, const std::string& metric) {
    return fmt::format(
        R"j({{"Id":"{}","ReturnData":false,"MetricStat":{{"Period":10,"Stat":"Maximum","Metric":{{)j"
        R"j("Namespace":"{}","MetricName":"{}","Dimensions":[{{"Name":"InferenceComponentName","Value":"qwen"}}]}}}}}})j",
        id, name_space, metric);
  }
  int scaled() {
    return static_cast<int>(std::ranges::count_if(activities(), [](const auto& one) { return one->not_scaled.empty(); }));
  }
};

TEST_F(AlarmsTest, three_points_of_ten_seconds_scale_out_after_thirty) {
  steady("aws");
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  live(60);
  ASSERT_EQ(desired(), 2);
  align(60);
  traffic.rate = 24;
  double seconds = until([&] { return desired() > 2; }, 120);
  EXPECT_GE(seconds, 30);
  EXPECT_LE(seconds, 31);
  EXPECT_EQ(desired(), 6);
  EXPECT_EQ(alarm("tt-high")->status.value, AlarmValue::kAlarm);
  auto activity = activities().back();
  EXPECT_EQ(activity->cause, "monitor alarm tt-high in state ALARM triggered policy tt");
  EXPECT_EQ(activity->detector, "aws");
  EXPECT_THAT(activity->explanation, testing::AllOf(HasSubstr("3 x 10 s"), HasSubstr("; pending ")));
  live(60);
  EXPECT_EQ(scaled(), 1);
  EXPECT_EQ(ready(), 6);
}

TEST_F(AlarmsTest, three_points_of_a_minute_scale_out_after_three) {
  steady("");
  track("InvocationsPerCopy", 200, 60, "Sum");
  live(120);
  ASSERT_EQ(desired(), 2);
  align(60);
  traffic.rate = 24;
  double seconds = until([&] { return desired() > 2; }, 300);
  EXPECT_GE(seconds, 180);
  EXPECT_LE(seconds, 181);
}

TEST_F(AlarmsTest, fifteen_quiet_minutes_scale_in_to_zero) {
  steady("aws", 0);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  traffic.rate = 8;  // four at work: what two copies are there for
  live(60);
  traffic.rate = 0;
  double seconds = until([&] { return desired() < 2; }, 1200);
  EXPECT_GE(seconds, 890);
  EXPECT_LE(seconds, 920);
  EXPECT_EQ(desired(), 0);
  EXPECT_EQ(alarm("tt-low")->status.value, AlarmValue::kAlarm);
}

TEST_F(AlarmsTest, the_four_pieces_of_aws_wake_it_after_a_period) {
  in_service(1, "aws");
  register_target(0, 4);
  step_policy("from-zero", 1);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  add_alarm("empty", "NoCapacityInvocationFailures", 30, 1, "GreaterThanOrEqualToThreshold", 1, "Sum", arn_of("from-zero"));
  update_component([](auto& next) { next.desired_copies = 0; });
  live(20);
  ASSERT_EQ(ready(), 0);
  align(60);
  traffic.rate = 1;
  double seconds = until([&] { return desired() > 0; }, 120);
  EXPECT_GE(seconds, 30);
  EXPECT_LE(seconds, 31);
  EXPECT_EQ(desired(), 1);
  live(20);
  EXPECT_EQ(ready(), 1);
  EXPECT_GT(traffic.answered, 0u);
}

TEST_F(AlarmsTest, beside_the_detector_the_four_pieces_order_nothing_twice) {
  in_service(1);
  register_target(0, 4);
  step_policy("from-zero", 1);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  add_alarm("empty", "NoCapacityInvocationFailures", 30, 1, "GreaterThanOrEqualToThreshold", 1, "Sum", arn_of("from-zero"));
  update_component([](auto& next) { next.desired_copies = 0; });
  live(20);
  align(60);
  traffic.rate = 1;
  EXPECT_LE(until([&] { return desired() == 1; }, 10), 1.5);
  live(120);
  EXPECT_EQ(desired(), 1);
  auto told = activities();
  EXPECT_TRUE(std::ranges::any_of(
      told, [](const auto& one) { return !one->not_scaled.empty() && one->not_scaled[0].code == "AlreadyAtDesiredCapacity"; }));
}

TEST_F(AlarmsTest, a_step_policy_of_a_callers_metric_scales_by_its_cooldown) {
  in_service(1);
  register_target(1, 4);
  step_policy("deep", 1, 120);
  add_alarm("queue", "Depth", 10, 1, "GreaterThanThreshold", 10, "Maximum", arn_of("deep"), "", "Custom");
  auto writer = MUST(metrics->writer({"1", "Custom", "Depth", {{"InferenceComponentName", "qwen"}}}, "Count"));
  auto deep = [&](double seconds) {
    for (double at = 0; at < seconds; at += 1) {
      writer.put(wall.wall_now(), 50);
      live(1);
    }
  };
  align(10);
  deep(15);
  EXPECT_EQ(desired(), 2);
  deep(60);
  EXPECT_EQ(desired(), 2);
  deep(120);
  EXPECT_EQ(desired(), 3);
  deep(600);
  EXPECT_EQ(desired(), 4);
  EXPECT_EQ(activities().back()->not_scaled.at(0).code, "AlreadyAtMaxCapacity");
  const auto count = activities().size();
  deep(200);
  EXPECT_EQ(activities().size(), count) << "what cannot be done is told once";
}

TEST_F(AlarmsTest, an_alarm_on_metric_math_invokes_its_policy_by_the_expressions_value) {
  in_service(2);
  register_target(1, 6);
  step_policy("deep", 2, 600);
  state::Alarm math;
  math.account = "1", math.name = "backlog";
  math.body =
      fmt::format(R"j({{"AlarmName":"backlog","EvaluationPeriods":2,"Threshold":10,"ComparisonOperator":"GreaterThanThreshold",)j"
                  R"j("AlarmActions":["{}"],"Metrics":[{{"Id":"e","Expression":"depth / copies","ReturnData":true}},{},{}]}})j",
                  arn_of("deep"), math_metric("depth", "Custom", "Depth"), math_metric("copies", "Zeropull", "CopiesReady"));
  add(std::move(math));
  auto writer = MUST(metrics->writer({"1", "Custom", "Depth", {{"InferenceComponentName", "qwen"}}}, "Count"));
  auto deep = [&](double depth, double seconds) {
    for (double at = 0; at < seconds && desired() == 2; at += 1) {
      writer.put(wall.wall_now(), depth);
      live(1);
    }
  };
  align(10);
  deep(18, 60);
  EXPECT_EQ(desired(), 2) << "nine for each copy";
  EXPECT_EQ(alarm("backlog")->status.value, AlarmValue::kOk);
  align(10);
  const auto begin = wall.wall_now();
  deep(30, 60);
  EXPECT_EQ(desired(), 4);
  EXPECT_GE(wall.wall_now() - begin, std::chrono::seconds(20));
  EXPECT_LE(wall.wall_now() - begin, std::chrono::seconds(22));
  EXPECT_EQ(activities().back()->cause, "monitor alarm backlog in state ALARM triggered policy deep");
  EXPECT_THAT(activities().back()->explanation, HasSubstr("15.0"));
}

TEST_F(AlarmsTest, a_customized_metric_of_math_is_tracked) {
  in_service(1);
  register_target(1, 8);
  auto record = policy("tt", "TargetTrackingScaling", R"({"TargetValue":5,"CustomizedMetricSpecification":{"Metrics":[]}})");
  record.alarm_high = "tt-high", record.alarm_low = "tt-low";
  state::Alarm high;
  high.account = "1", high.name = "tt-high", high.policy_id = record.id;
  high.body =
      fmt::format(R"j({{"AlarmName":"tt-high","EvaluationPeriods":3,"Threshold":5,"ComparisonOperator":"GreaterThanThreshold",)j"
                  R"j("AlarmActions":["{}"],"Metrics":[{{"Id":"e","Expression":"depth / copies","ReturnData":true}},{},{}]}})j",
                  state::policy_arn("us-east-1", record), math_metric("depth", "Custom", "Depth"),
                  math_metric("copies", "Zeropull", "CopiesReady"));
  add(std::move(high));
  add(std::move(record));
  auto writer = MUST(metrics->writer({"1", "Custom", "Depth", {{"InferenceComponentName", "qwen"}}}, "Count"));
  for (int second = 0; second < 120 && desired() == 1; ++second) {
    writer.put(wall.wall_now(), 12);
    live(1);
  }
  EXPECT_EQ(desired(), 3) << "twelve at five for each copy";
  EXPECT_EQ(activities().back()->policy, "tt");
  EXPECT_EQ(activities().back()->detector, "aws");
}

TEST_F(AlarmsTest, a_state_that_a_caller_sets_acts_only_with_datapoints) {
  in_service(1);
  register_target(1, 4);
  step_policy("deep", 1);
  add_alarm("queue", "Depth", 60, 1, "GreaterThanThreshold", 10, "Maximum", arn_of("deep"), "", "Custom");
  align(60);
  live(2);
  auto set = [&](const std::string& data) {
    change<state::Alarm>(alarm("queue"), [&](auto& next) {
      auto value = alarm_state_of(next.status);
      scaler::set_state(value, scaler::AlarmStateValue::kAlarm, "test", data,
                        wall.wall_now().time_since_epoch() / std::chrono::seconds(1));
      next.status = alarm_status_of(value);
    });
  };
  set("{}");
  live(5);
  EXPECT_EQ(desired(), 1);
  set(R"({"version":"1.0","recentDatapoints":[12.0],"threshold":10.0})");
  live(5);
  EXPECT_EQ(desired(), 2);
  live(60);
  EXPECT_EQ(alarm("queue")->status.value, AlarmValue::kInsufficientData) << "until the next evaluation";
}

TEST_F(AlarmsTest, alarms_whose_actions_are_off_do_nothing) {
  steady("aws");
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  change<state::Alarm>(alarm("tt-high"), [](auto& next) { next.actions_enabled = false; });
  traffic.rate = 24;
  live(120);
  EXPECT_EQ(alarm("tt-high")->status.value, AlarmValue::kAlarm);
  EXPECT_EQ(desired(), 2);
}

TEST_F(AlarmsTest, jumps_of_the_wall_clock_scale_nothing) {
  steady("aws");
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  live(120);
  for (int hours : {1, -1, -1, 1}) {
    SCOPED_TRACE(hours);
    wall.jump(std::chrono::hours(hours));
    live(100);
    EXPECT_EQ(desired(), 2);
    EXPECT_TRUE(activities().empty());
  }
  traffic.rate = 24;
  EXPECT_LE(until([&] { return desired() > 2; }, 120), 45);
}

TEST_F(AlarmsTest, a_restart_between_an_alarm_and_its_action_repeats_nothing) {
  steady("aws");
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  live(60);
  align(60);
  traffic.rate = 24;
  live(29.5);
  budget->left = 0;
  live(2);
  restart();
  ASSERT_EQ(desired(), 2);
  live(60);
  EXPECT_EQ(desired(), 6);
  EXPECT_EQ(scaled(), 1);
  restart();
  live(30);
  EXPECT_EQ(scaled(), 1);
}

TEST_F(AlarmsTest, scheduled_actions_set_bounds_and_capacity_once) {
  in_service(1);
  register_target(1, 10);
  auto resource = scales;
  state::ScheduledAction action;
  action.account = resource.account, action.dimension = resource.dimension, action.resource_id = resource.resource_id;
  action.name = "morning", action.id = "s1";
  action.body = R"j({"Schedule":"rate(1 hour)","ScalableTargetAction":{"MinCapacity":3,"MaxCapacity":6}})j";
  action.created = action.configured = state::millis_of(wall.wall_now());
  add(std::move(action));
  live(60);
  EXPECT_EQ(desired(), 1);
  wall.jump(std::chrono::minutes(60));
  live(5);
  EXPECT_EQ(desired(), 3);
  EXPECT_THAT(activities().back()->cause, HasSubstr("scheduled action morning"));
  auto target = state->view().scalable_target(resource.scaled());
  EXPECT_EQ(target->capacity_min, 3);
  EXPECT_EQ(target->capacity_max, 6);
  change<state::ScalableTarget>(target, [](auto& next) { next.capacity_min = 1; });
  update_component([](auto& next) { next.desired_copies = 1; });
  wall.jump(std::chrono::minutes(-30));
  live(60);
  wall.jump(std::chrono::minutes(30));
  live(60);
  restart();
  live(30);
  EXPECT_EQ(desired(), 1) << "the same time twice is one time";
  EXPECT_EQ(scaled(), 1);
}

}  // namespace
}  // namespace zeropull::autoscaler
