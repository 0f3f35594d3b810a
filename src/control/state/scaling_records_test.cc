// Records of scaling: their keys, the views of them, their names.
#include "control/state/scaling_records.h"

#include <gtest/gtest.h>

#include "control/state/memory_kv.h"
#include "control/state/scaling_activities.h"
#include "control/state/scaling_names.h"
#include "control/state/state.h"

namespace zeropull::state {
namespace {

const std::string kAccount = "111122223333";

template <typename T>
T of_component(const std::string& name) {
  T record;
  record.account = kAccount;
  record.dimension = kComponentDimension;
  record.resource_id = component_resource_id(name);
  return record;
}

class ScalingRecordsTest : public testing::Test {
 protected:
  Context ctx = Context::root("test");
  std::unique_ptr<State> state = MUST(State::create(ctx, make_memory_kv()));

  template <typename T>
  void add(T record) {
    Changes changes;
    changes.add(std::move(record));
    MUST(state->commit(ctx, std::move(changes)));
  }
};

TEST_F(ScalingRecordsTest, a_resources_records_are_its_own) {
  for (const auto* name : {"ic", "ic2"}) {
    auto target = of_component<ScalableTarget>(name);
    target.id = std::string("t-") + name;
    add(target);
    auto policy = of_component<ScalingPolicy>(name);
    policy.name = "a/b", policy.id = std::string("p-") + name;
    add(policy);
    auto action = of_component<ScheduledAction>(name);
    action.name = "morning";
    add(action);
  }
  auto view = state->view();
  auto target = of_component<ScalableTarget>("ic");
  auto scaled = scaled_of(target);
  EXPECT_EQ(view.scalable_target(scaled)->id, "t-ic");
  EXPECT_EQ(view.scalable_target_by_id("t-ic2")->resource_id, "inference-component/ic2");
  EXPECT_EQ(view.scalable_target_by_id("t-ic3"), nullptr);
  EXPECT_EQ(view.scalable_targets(kAccount).size(), 2u);
  EXPECT_TRUE(view.scalable_targets("444455556666").empty());
  ASSERT_EQ(view.scaling_policies(scaled).size(), 1u) << "ic2 is another";
  EXPECT_EQ(view.scaling_policy(scaled, "a/b")->id, "p-ic");
  EXPECT_EQ(view.scaling_policy_by_id("p-ic2")->resource_id, "inference-component/ic2");
  EXPECT_EQ(view.scheduled_actions(scaled).size(), 1u);
  EXPECT_NE(view.scheduled_action(scaled, "morning"), nullptr);
  EXPECT_EQ(view.scheduled_actions().size(), 2u);
}

TEST_F(ScalingRecordsTest, alarms_are_found_by_name_prefix_and_policy) {
  for (const auto* name : {"größe-high", "größe-low", "other%"}) {
    Alarm alarm;
    alarm.account = kAccount, alarm.name = name;
    if (alarm.name != "other%") alarm.policy_id = "p1";
    add(alarm);
  }
  auto view = state->view();
  EXPECT_EQ(view.alarm({kAccount, "größe-low"})->policy_id, "p1");
  EXPECT_NE(view.alarm({kAccount, "other%"}), nullptr);
  EXPECT_EQ(view.alarms(kAccount, "größe").size(), 2u);
  EXPECT_EQ(view.alarms(kAccount).size(), 3u);
  EXPECT_EQ(view.alarms_of_policy("p1").size(), 2u);
  EXPECT_TRUE(view.alarms("444455556666").empty());
}

TEST_F(ScalingRecordsTest, activities_are_in_order_of_time) {
  for (Millis begin : {Millis{20}, Millis{3}, Millis{1000}}) {
    auto activity = of_component<ScalingActivity>("ic");
    activity.begin = begin, activity.id = "a";
    add(activity);
  }
  auto view = state->view();
  auto key = of_component<ScalingActivity>("ic");
  auto activities = view.scaling_activities(scaled_of(key));
  ASSERT_EQ(activities.size(), 3u);
  EXPECT_EQ(activities[0]->begin, 3);
  EXPECT_EQ(activities[2]->begin, 1000);
}

TEST_F(ScalingRecordsTest, the_oldest_activities_go) {
  auto key = of_component<ScalingActivity>("ic");
  for (std::size_t i = 0; i < kActivitiesPerTargetMax + 3; ++i) {
    auto activity = key;
    activity.begin = static_cast<Millis>(i), activity.id = "a";
    Changes changes;
    add_activity(state->view(), changes, activity);
    MUST(state->commit(ctx, std::move(changes)));
  }
  auto kept = state->view().scaling_activities(scaled_of(key));
  ASSERT_EQ(kept.size(), kActivitiesPerTargetMax);
  EXPECT_EQ(kept.front()->begin, 3);
}

TEST(ScalingNames, resource_ids_belong_to_their_dimension) {
  auto variant = parse_resource_id(kVariantDimension, "endpoint/e/variant/v");
  ASSERT_TRUE(variant.has_value());
  EXPECT_EQ(variant->endpoint, "e");
  EXPECT_EQ(variant->variant, "v");
  EXPECT_EQ(parse_resource_id(kComponentDimension, "inference-component/ic")->component, "ic");
  for (const auto* id :
       {"endpoint/e/variant/", "endpoint//variant/v", "endpoint/e", "endpoint/e/variant/v/w", "", "inference-component/ic"}) {
    EXPECT_FALSE(parse_resource_id(kVariantDimension, id).has_value()) << id;
  }
  for (const auto* id : {"inference-component/", "inference-component/a/b", "endpoint/e/variant/v"}) {
    EXPECT_FALSE(parse_resource_id(kComponentDimension, id).has_value()) << id;
  }
}

TEST(ScalingNames, an_alarms_action_names_its_policy) {
  auto policy = of_component<ScalingPolicy>("ic");
  policy.id = "6d89", policy.name = "tt";
  auto arn = policy_arn("us-east-1", policy);
  EXPECT_EQ(arn,
            "arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:6d89:resource/sagemaker/inference-component/ic:"
            "policyName/tt");
  for (const auto& action : {arn, arn + ":createdBy/7d1b"}) {
    auto parsed = parse_policy_action(action);
    ASSERT_TRUE(parsed.has_value()) << action;
    EXPECT_EQ(parsed->policy_id, "6d89");
    EXPECT_EQ(parsed->account, kAccount);
    EXPECT_EQ(parsed->region, "us-east-1");
  }
  EXPECT_FALSE(parse_policy_action("arn:aws:sns:us-east-1:111122223333:topic").has_value());
  EXPECT_FALSE(parse_policy_action("arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:").has_value());
}

}  // namespace
}  // namespace zeropull::state
