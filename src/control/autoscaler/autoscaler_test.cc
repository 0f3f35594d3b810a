// The whole loop, from a router's counters to copies that serve: our own detector, bounds, zero, restarts and jumps of the clock.
#include "control/autoscaler/autoscaler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/autoscaler/testing/world.h"
#include "control/fleet/steps.h"

namespace zeropull::autoscaler {
namespace {

using state::ActivityStatus;
using testing::HasSubstr;

class AutoscalerTest : public testing::Test, public World {
 protected:
  // Two copies at a steady load that fits them.
  void steady(int min = 1, const std::string& tag = "") {
    in_service(2, tag);
    register_target(min, 20);
    track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
    traffic.rate = 6;  // three at work
    live(90);
    ASSERT_EQ(desired(), 2);
  }
  // Every activity goes on from where the one before ended: nothing was done twice or lost.
  void expect_one_chain(int begin) {
    int at = begin;
    for (const auto& activity : activities()) {
      if (!activity->not_scaled.empty()) continue;
      EXPECT_EQ(activity->from, at);
      at = activity->to;
    }
    EXPECT_EQ(desired(), at);
  }
};

TEST_F(AutoscalerTest, a_fourfold_load_is_answered_in_seconds_and_explained) {
  steady();
  traffic.rate = 24;
  EXPECT_LE(until([&] { return desired() >= 5; }, 60), 6);
  auto first = activities().front();
  EXPECT_EQ(first->detector, "own");
  EXPECT_EQ(first->policy, "tt");
  EXPECT_EQ(first->from, 2);
  EXPECT_EQ(first->status, ActivityStatus::kInProgress);
  EXPECT_THAT(first->cause, HasSubstr("detector of policy tt"));
  EXPECT_THAT(first->explanation, testing::AllOf(HasSubstr("requests in"), HasSubstr("predicted are"), HasSubstr("; pending ")));
  live(60);
  EXPECT_EQ(ready(), desired());
  EXPECT_GE(desired(), 6);
  EXPECT_LE(desired(), 9);
  EXPECT_EQ(activities().back()->status, ActivityStatus::kSuccessful);
  expect_one_chain(2);
}

TEST_F(AutoscalerTest, copies_that_it_ordered_begin_their_timeline_with_the_detection) {
  steady();
  traffic.rate = 24;
  const auto step = state::Millis(clock.wall_now().time_since_epoch() / std::chrono::milliseconds(1));
  live(60);
  int detected = 0;
  for (const auto& entry : state->view().timeline_of_endpoint("e1")) {
    if (entry->kind != "copy" || entry->phases.front().name != fleet::kDetectPhase) continue;
    ++detected;
    EXPECT_LT(std::abs(entry->phases.front().begin - step), 5000);
    EXPECT_GT(entry->phases.front().end, step);
    EXPECT_THAT(entry->phases.front().reason, HasSubstr("requests in"));
  }
  EXPECT_EQ(detected, desired() - 2);
}

TEST_F(AutoscalerTest, a_steady_load_is_left_alone_and_a_smaller_one_shrinks_in_minutes) {
  steady();
  live(600);
  EXPECT_TRUE(activities().empty());
  traffic.rate = 1;
  EXPECT_LE(until([&] { return desired() == 1; }, 600), 240);
  EXPECT_EQ(activities().back()->detector, "own");
  expect_one_chain(2);
}

TEST_F(AutoscalerTest, with_a_minimum_of_zero_it_goes_to_zero_and_a_request_that_waits_wakes_it) {
  steady(0);
  traffic.rate = 0;
  ASSERT_LT(until([&] { return desired() == 0 && ready() == 0; }, 500), 500);
  live(30);
  traffic.rate = 4;
  EXPECT_LE(until([&] { return desired() == 1; }, 5), 0.5);
  traffic.rate = 0;
  EXPECT_THAT(activities().back()->explanation, HasSubstr("there is no copy"));
  const auto before = traffic.answered;
  live(20);
  EXPECT_GT(traffic.answered, before);
  EXPECT_GE(ready(), 1);
  expect_one_chain(2);
}

TEST_F(AutoscalerTest, requests_that_copies_still_work_on_do_not_wake_what_was_set_to_zero) {
  in_service(1);
  register_target(0, 4);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  traffic.service = 60;
  traffic.rate = 1;
  live(1);
  traffic.rate = 0;
  update_component([](auto& next) { next.desired_copies = 0; });
  live(20);
  EXPECT_EQ(desired(), 0);
  EXPECT_TRUE(activities().empty());
}

TEST_F(AutoscalerTest, requests_that_came_in_vain_wake_it_but_not_those_from_before_it_was_there) {
  in_service(1);
  update_component([](auto& next) { next.desired_copies = 0; });
  until([&] { return ready() == 0; }, 60);
  traffic.holds = false;
  traffic.rate = 1;
  live(10);
  traffic.rate = 0;
  register_target(0, 4);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  live(10);
  EXPECT_EQ(desired(), 0);
  traffic.rate = 1;
  EXPECT_LE(until([&] { return desired() == 1; }, 5), 1.5);
}

TEST_F(AutoscalerTest, bounds_hold_except_in_a_suspended_direction) {
  in_service(1);
  register_target(3, 5);
  live(2);
  EXPECT_EQ(desired(), 3);
  EXPECT_EQ(activities().back()->cause, "minimum capacity was set to 3");
  update_component([](auto& next) { next.desired_copies = 8; });
  live(2);
  EXPECT_EQ(desired(), 5);
  change<state::ScalableTarget>(target(), [](auto& next) { next.in_suspended = true; });
  update_component([](auto& next) { next.desired_copies = 8; });
  live(5);
  EXPECT_EQ(desired(), 8);
  live(60);
  for (const auto& activity : activities()) EXPECT_NE(activity->status, ActivityStatus::kInProgress);
}

TEST_F(AutoscalerTest, suspended_directions_and_disabled_scale_in_are_kept) {
  steady();
  change<state::ScalableTarget>(target(), [](auto& next) { next.out_suspended = true; });
  traffic.rate = 30;
  live(60);
  EXPECT_EQ(desired(), 2);
  change<state::ScalableTarget>(target(), [](auto& next) { next.out_suspended = false, next.in_suspended = true; });
  live(60);
  EXPECT_GT(desired(), 4);
  traffic.rate = 1;
  const int before = desired();
  live(600);
  EXPECT_EQ(desired(), before);
}

TEST_F(AutoscalerTest, a_restart_anywhere_in_a_decision_loses_and_repeats_nothing) {
  steady();
  // How many commits the decision and what follows take.
  for (int stop_after = 0; stop_after < 12; ++stop_after) {
    SCOPED_TRACE(stop_after);
    const int begin = desired();
    traffic.rate = begin * 3 * 4;  // fourfold of what fits
    budget->left = stop_after;
    live(20);
    restart();
    live(120);
    EXPECT_GE(desired(), begin * 2);
    EXPECT_LE(desired(), 20);
    EXPECT_EQ(ready(), desired());
    expect_one_chain(2);
    for (const auto& activity : activities()) EXPECT_NE(activity->status, ActivityStatus::kInProgress) << activity->explanation;
    if (HasFailure()) return;
    if (desired() < 12) continue;
    traffic.rate = 6;
    until([&] { return desired() <= 2; }, 900);
    live(90);
  }
}

TEST_F(AutoscalerTest, a_restart_alone_changes_nothing) {
  steady();
  for (int i = 0; i < 5; ++i) {
    restart();
    live(7);
  }
  EXPECT_EQ(desired(), 2);
  EXPECT_TRUE(activities().empty());
}

TEST_F(AutoscalerTest, jumps_of_the_wall_clock_scale_nothing_and_the_detector_still_sees) {
  for (int hours : {1, -1, -1, 1}) {
    SCOPED_TRACE(hours);
    if (!endpoint()) steady();
    wall.jump(std::chrono::hours(hours));
    live(120);
    EXPECT_EQ(desired(), 2);
    EXPECT_TRUE(activities().empty());
  }
  traffic.rate = 24;
  EXPECT_LE(until([&] { return desired() >= 5; }, 60), 6);
}

TEST_F(AutoscalerTest, an_activity_after_a_jump_back_ends_by_what_became_of_it) {
  in_service(1);
  register_target(2, 8);
  live(30);
  wall.jump(-std::chrono::hours(1));
  change<state::ScalableTarget>(target(), [](auto& next) { next.capacity_min = 3; });
  live(30);
  ASSERT_EQ(activities().size(), 2u);
  for (const auto& activity : activities()) EXPECT_EQ(activity->status, ActivityStatus::kSuccessful) << activity->status_message;
  change<state::ScalableTarget>(target(), [](auto& next) { next.capacity_min = 4; });
  live(0.25);
  change<state::ScalableTarget>(target(), [](auto& next) { next.capacity_min = 5; });
  live(30);
  std::vector<ActivityStatus> statuses;
  for (const auto& activity : activities()) statuses.push_back(activity->status);
  EXPECT_EQ(std::ranges::count(statuses, ActivityStatus::kOverridden), 1);
}

TEST_F(AutoscalerTest, a_component_that_is_being_made_or_has_failed_is_left_alone) {
  add_endpoint({managed(1, 8)});
  add_component(1, spec("vllm:slow"));
  register_target(3, 5);
  live(20);
  EXPECT_EQ(desired(), 1);
  EXPECT_TRUE(activities().empty());
}

TEST_F(AutoscalerTest, what_cannot_come_ends_its_activity_with_the_true_reason) {
  in_service(2);
  register_target(40, 40);
  live(200);
  ASSERT_FALSE(activities().empty());
  EXPECT_EQ(activities().back()->status, ActivityStatus::kFailed);
  EXPECT_THAT(activities().back()->status_message, testing::Not(testing::IsEmpty()));
}

TEST_F(AutoscalerTest, a_deleted_component_ends_its_activities) {
  in_service(1);
  register_target(3, 5);
  live(0.25);
  ASSERT_EQ(desired(), 3);
  change<state::Component>(component(), [](auto& next) { next.status = state::ComponentStatus::kDeleting; });
  live(60);
  ASSERT_EQ(component(), nullptr);
  EXPECT_NE(activities().back()->status, ActivityStatus::kInProgress);
}

}  // namespace
}  // namespace zeropull::autoscaler
