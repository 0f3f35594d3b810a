#include <gtest/gtest.h>

#include "control/scaler/scalable_target.h"
#include "control/scaler/step_scaling.h"
#include "control/scaler/target_tracking.h"

namespace zeropull::scaler {
namespace {

constexpr std::int64_t kPolicyTime = 1'782'000'600;

PolicyWish wish(std::optional<int> capacity, std::string name = "tt") {
  return {.policy = name, .alarm = "TargetTracking-" + name, .capacity = capacity};
}

TEST(TargetTracking, is_proportional_and_rounds_up) {
  TargetTracking policy{.target = 5};
  EXPECT_EQ(scale_out_capacity(policy, 3, 7), 5);
  EXPECT_EQ(scale_out_capacity(policy, 3, 5), std::nullopt);
  EXPECT_EQ(scale_out_capacity(policy, 2, 10), 4);
  EXPECT_EQ(scale_out_capacity(policy, 0, 10), std::nullopt);  // it cannot leave zero
}

TEST(TargetTracking, scales_in_only_to_where_the_target_is_kept) {
  TargetTracking policy{.target = 5};
  for (int current = 1; current <= 20; ++current) {
    for (double metric = 0; metric < 5; metric += 0.3) {
      auto capacity = scale_in_capacity(policy, current, metric);
      if (!capacity) continue;
      EXPECT_LT(*capacity, current);
      EXPECT_LE(current * metric, *capacity * 5 + 1e-6);
    }
  }
  EXPECT_EQ(scale_in_capacity(policy, 4, 0), 0);
  EXPECT_EQ(scale_in_capacity(policy, 4, 4.6), std::nullopt);
  policy.scale_in = false;
  EXPECT_EQ(scale_in_capacity(policy, 4, 0), std::nullopt);
}

StepScaling steps(Adjustment adjustment, std::vector<Step> list) { return {.adjustment = adjustment, .steps = std::move(list)}; }

TEST(StepScaling, the_distance_from_the_threshold_selects_the_step) {
  auto policy = steps(Adjustment::kChangeInCapacity, {{.lower = 0, .upper = 10, .adjustment = 1},
                                                      {.lower = 10, .upper = {}, .adjustment = 3},
                                                      {.lower = {}, .upper = -10, .adjustment = -2},
                                                      {.lower = -10, .upper = 0, .adjustment = 0}});
  ASSERT_TRUE(validate(policy).ok()) << validate(policy).error().message();
  EXPECT_EQ(step_capacity(policy, 50, 50, 4), 5);
  EXPECT_EQ(step_capacity(policy, 50, 59.9, 4), 5);
  EXPECT_EQ(step_capacity(policy, 50, 60, 4), 7);  // a lower bound is inclusive above the threshold
  EXPECT_EQ(step_capacity(policy, 50, 40, 4), 2);  // an upper bound below it
  EXPECT_EQ(step_capacity(policy, 50, 40.1, 4), 4);
  EXPECT_EQ(step_capacity(policy, 50, 0, 1), 0);
}

TEST(StepScaling, percentages_have_a_least_magnitude_and_round_toward_zero_but_to_one) {
  auto policy = steps(Adjustment::kPercentChangeInCapacity, {{.lower = 0, .upper = {}, .adjustment = 200}});
  EXPECT_EQ(step_capacity(policy, 1, 2, 10), 30);
  policy.steps[0].adjustment = 25;
  EXPECT_EQ(step_capacity(policy, 1, 2, 10), 12);  // 2.5
  EXPECT_EQ(step_capacity(policy, 1, 2, 2), 3);    // 0.5
  policy.magnitude_min = 4;
  EXPECT_EQ(step_capacity(policy, 1, 2, 10), 14);
  policy.steps[0].adjustment = -25;
  EXPECT_EQ(step_capacity(policy, 1, 2, 10), 6);
}

TEST(StepScaling, from_zero_adds_one_copy) {
  auto policy = steps(Adjustment::kChangeInCapacity, {{.lower = 0, .upper = {}, .adjustment = 1}});
  EXPECT_EQ(step_capacity(policy, 1, 1, 0), 1);
  EXPECT_EQ(step_capacity(steps(Adjustment::kExactCapacity, {{.lower = 0, .upper = {}, .adjustment = 5}}), 1, 9, 2), 5);
}

TEST(StepScaling, refuses_steps_that_overlap_gape_or_end) {
  using enum Adjustment;
  EXPECT_FALSE(validate(steps(kChangeInCapacity, {})).ok());
  EXPECT_FALSE(validate(steps(kChangeInCapacity, {{.lower = {}, .upper = {}, .adjustment = 1}})).ok());
  EXPECT_FALSE(validate(steps(kChangeInCapacity, {{.lower = 0, .upper = 10, .adjustment = 1}})).ok());
  EXPECT_FALSE(
      validate(steps(kChangeInCapacity, {{.lower = 0, .upper = 10, .adjustment = 1}, {.lower = 5, .upper = {}, .adjustment = 1}}))
          .ok());
  EXPECT_FALSE(validate(steps(kChangeInCapacity,
                              {{.lower = 0, .upper = 10, .adjustment = 1}, {.lower = 15, .upper = {}, .adjustment = 1}}))
                   .ok());
  EXPECT_FALSE(validate(steps(kChangeInCapacity, {{.lower = -10, .upper = 0, .adjustment = 1}})).ok());
  EXPECT_FALSE(validate(steps(kExactCapacity, {{.lower = 0, .upper = {}, .adjustment = -1}})).ok());
}

TEST(StepScaling, aggregates_the_alarms_datapoints) {
  std::vector<Datapoint> points{{0, 1}, {10, 4}, {20, 7}};
  EXPECT_DOUBLE_EQ(aggregate(Aggregation::kAverage, points), 4);
  EXPECT_DOUBLE_EQ(aggregate(Aggregation::kMinimum, points), 1);
  EXPECT_DOUBLE_EQ(aggregate(Aggregation::kMaximum, points), 7);
}

TEST(ScalableTarget, scales_out_when_any_policy_wants_to_and_the_largest_wins) {
  TargetState state;
  auto outcome = combine({.capacity_min = 1, .capacity_max = 10}, state, std::vector{wish(3, "a"), wish(6, "b"), wish(1, "c")}, 2,
                         kPolicyTime);
  EXPECT_EQ(outcome.capacity, 6);
  EXPECT_EQ(outcome.cause, "monitor alarm TargetTracking-b in state ALARM triggered policy b");
}

TEST(ScalableTarget, scales_in_only_when_all_target_tracking_policies_agree) {
  TargetBounds bounds{.capacity_min = 1, .capacity_max = 10};
  TargetState state;
  EXPECT_EQ(combine(bounds, state, std::vector{wish(3), wish({})}, 6, kPolicyTime).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(3), wish(4)}, 6, kPolicyTime).capacity, 4);
  // Scale-in switched off has no say, and a step policy's is not blocked.
  state = {};
  auto silent = wish({});
  silent.scale_in_enabled = false;
  EXPECT_EQ(combine(bounds, state, std::vector{wish(3), silent}, 6, kPolicyTime).capacity, 3);
  state = {};
  auto step = wish(5, "step");
  step.tracking = false;
  EXPECT_EQ(combine(bounds, state, std::vector{step, wish({})}, 6, kPolicyTime).capacity, 5);
}

TEST(ScalableTarget, bounds_and_suspended_directions_hold) {
  TargetState state;
  TargetBounds bounds{.capacity_min = 2, .capacity_max = 4};
  EXPECT_EQ(combine(bounds, state, std::vector{wish(9)}, 3, kPolicyTime).capacity, 4);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(9)}, 4, kPolicyTime).not_scaled, NotScaled::kAlreadyAtMaxCapacity);
  state = {};
  EXPECT_EQ(combine(bounds, state, std::vector{wish(0)}, 3, kPolicyTime).capacity, 2);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(0)}, 2, kPolicyTime).not_scaled, NotScaled::kAlreadyAtMinCapacity);
  state = {};
  bounds.out_suspended = bounds.in_suspended = true;
  EXPECT_EQ(combine(bounds, state, std::vector{wish(9)}, 3, kPolicyTime).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(0)}, 3, kPolicyTime).capacity, std::nullopt);
  EXPECT_EQ(forced_capacity(bounds, 7), 4);
  EXPECT_EQ(forced_capacity(bounds, 3), std::nullopt);
}

TEST(ScalableTarget, during_a_scale_out_cooldown_only_a_larger_one_adds) {
  TargetBounds bounds{.capacity_min = 1, .capacity_max = 100};
  TargetState state;
  ASSERT_EQ(combine(bounds, state, std::vector{wish(5)}, 2, kPolicyTime).capacity, 5);
  EXPECT_EQ(capacity_base(state, 5, kPolicyTime + 60), 2);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(5)}, 5, kPolicyTime + 60).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(4)}, 5, kPolicyTime + 60).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(7)}, 5, kPolicyTime + 120).capacity, 7);
  EXPECT_EQ(capacity_base(state, 7, kPolicyTime + 130), 2);
  EXPECT_EQ(capacity_base(state, 7, kPolicyTime + 120 + 300), 7);
}

TEST(ScalableTarget, a_scale_in_cooldown_blocks_scale_in_and_a_scale_out_ends_it) {
  TargetBounds bounds{.capacity_min = 0, .capacity_max = 100};
  TargetState state;
  ASSERT_EQ(combine(bounds, state, std::vector{wish(6)}, 8, kPolicyTime).capacity, 6);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(4)}, 6, kPolicyTime + 100).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(9)}, 6, kPolicyTime + 110).capacity, 9);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(4)}, 9, kPolicyTime + 120).capacity, 4);
}

TEST(ScalableTarget, a_clock_that_jumps_back_makes_no_cooldown_longer_than_itself) {
  TargetBounds bounds{.capacity_min = 0, .capacity_max = 100};
  TargetState state;
  ASSERT_EQ(combine(bounds, state, std::vector{wish(6)}, 8, kPolicyTime).capacity, 6);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(4)}, 6, kPolicyTime - 3600).capacity, std::nullopt);
  EXPECT_EQ(combine(bounds, state, std::vector{wish(4)}, 6, kPolicyTime - 3600 + 300).capacity, 4);
}

TEST(ScalableTarget, words_activities_as_the_api_does) {
  EXPECT_EQ(activity_description("instance count", 2), "Setting desired instance count to 2.");
  EXPECT_EQ(activity_fulfilled("copy count", 2),
            "Successfully set desired copy count to 2. Change successfully fulfilled by sagemaker.");
}

}  // namespace
}  // namespace zeropull::scaler
