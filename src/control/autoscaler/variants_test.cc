// Instances of a variant that scale: of one with a model, whose copies they are, and of one with components.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/autoscaler/testing/world.h"

namespace zeropull::autoscaler {
namespace {

using state::ActivityStatus;
using testing::HasSubstr;

class VariantsTest : public testing::Test, public World {
 protected:
  void endpoint_with(state::Variant variant, const std::string& tag) {
    state::Endpoint record;
    record.account = "1", record.name = "llm", record.uid = "e1", record.variants = {std::move(variant)};
    record.wrapped_key = "v1:key";
    if (!tag.empty()) record.tags[kDetectorTag] = tag;
    add(std::move(record));
    scale_variant();
  }
  void model_in_service(int instances, const std::string& tag = "") {
    state::Model model;
    model.account = "1", model.name = "m", model.container.image = "vllm";
    add(std::move(model));
    auto variant = fixed(instances, "ml.g5.2xlarge");
    variant.model_name = "m";
    endpoint_with(std::move(variant), tag);
    until([&] { return in_service_with(instances) && ready() == instances; }, 120);
  }
  // Each instance has room for four copies, of which there shall be two on each.
  void components_in_service(int instances, const std::string& tag = "") {
    endpoint_with(fixed(instances), tag);
    add_component(2 * instances, spec("vllm"));
    until([&] { return component_is(state::ComponentStatus::kInService) && in_service_with(instances); }, 120);
  }
  bool in_service_with(int instances) {
    return endpoint_is(state::EndpointStatus::kInService) && desired_instances() == instances;
  }
  void follow() { track("ConcurrentRequestsPerModel", 2, 10, "Maximum"); }
  int instances_ready() { return autoscaler::ready_instances(state->view(), "e1", "all"); }
  void expect_chain(int begin) {
    int at = begin;
    for (const auto& activity : activities()) {
      if (!activity->not_scaled.empty()) continue;
      EXPECT_EQ(activity->from, at);
      at = activity->to;
    }
    EXPECT_EQ(desired_instances(), at);
  }
};

TEST_F(VariantsTest, of_a_model_follow_a_fourfold_load_in_seconds) {
  model_in_service(2);
  register_target(1, 20);
  follow();
  traffic.rate = 6;  // three at work
  live(90);
  ASSERT_EQ(desired_instances(), 2);
  traffic.rate = 24;
  EXPECT_LE(until([&] { return desired_instances() >= 5; }, 60), 6);
  auto first = activities().front();
  EXPECT_EQ(first->detector, "own");
  EXPECT_EQ(first->description, "Setting desired instance count to " + std::to_string(first->to) + ".");
  EXPECT_THAT(first->explanation, testing::AllOf(HasSubstr("requests in"), HasSubstr("the instance count goes from 2")));
  live(120);
  EXPECT_EQ(ready(), desired_instances());
  EXPECT_EQ(activities().back()->status, ActivityStatus::kSuccessful);
  expect_chain(2);
}

TEST_F(VariantsTest, of_a_model_go_to_zero_and_a_request_that_waits_wakes_them) {
  model_in_service(1);
  register_target(0, 4);
  follow();
  traffic.rate = 2;
  live(30);
  traffic.rate = 0;
  ASSERT_LT(until([&] { return desired_instances() == 0 && ready() == 0; }, 500), 300);
  live(30);
  traffic.rate = 2;
  EXPECT_LE(until([&] { return desired_instances() == 1; }, 5), 1);
  traffic.rate = 0;
  const auto before = traffic.answered;
  live(40);
  EXPECT_EQ(ready(), 1);
  EXPECT_GT(traffic.answered, before);
  expect_chain(1);
}

TEST_F(VariantsTest, of_a_model_are_scaled_by_aws_alarms_where_the_tag_says_so) {
  model_in_service(2, "aws");
  register_target(1, 20);
  follow();
  traffic.rate = 6;
  live(60);
  ASSERT_EQ(desired_instances(), 2);
  align(60);
  traffic.rate = 24;
  double seconds = until([&] { return desired_instances() > 2; }, 120);
  EXPECT_GE(seconds, 30);
  EXPECT_LE(seconds, 31);
  EXPECT_EQ(activities().back()->detector, "aws");
}

TEST_F(VariantsTest, of_a_model_lose_and_repeat_nothing_when_the_server_ends_in_a_decision) {
  model_in_service(2);
  register_target(1, 40);
  follow();
  traffic.rate = 6;
  live(60);
  for (int stop_after = 0; stop_after < 8; ++stop_after) {
    SCOPED_TRACE(stop_after);
    const int begin = desired_instances();
    traffic.rate = begin * 3 * 2;
    budget->left = stop_after;
    live(20);
    restart();
    live(150);
    EXPECT_GT(desired_instances(), begin);
    EXPECT_EQ(ready(), desired_instances());
    expect_chain(2);
    for (const auto& activity : activities()) EXPECT_NE(activity->status, ActivityStatus::kInProgress) << activity->explanation;
    if (HasFailure()) return;
    if (desired_instances() < 20) continue;
    traffic.rate = 6;
    until([&] { return desired_instances() <= 2; }, 900);
    live(90);
  }
}

TEST_F(VariantsTest, of_components_follow_what_all_of_these_are_asked) {
  components_in_service(1);
  register_target(1, 8);
  follow();
  traffic.rate = 3;
  live(90);
  ASSERT_EQ(desired_instances(), 1);
  traffic.rate = 12;
  EXPECT_LE(until([&] { return desired_instances() > 1; }, 60), 8);
  live(60);
  EXPECT_GE(desired_instances(), 3);
  EXPECT_EQ(instances_ready(), desired_instances());
  EXPECT_EQ(activities().back()->status, ActivityStatus::kSuccessful);
  EXPECT_EQ(activities().front()->detector, "own");
  expect_chain(1);
}

TEST_F(VariantsTest, of_components_go_to_zero_and_come_back_with_their_copies) {
  components_in_service(1);
  register_target(0, 4);
  follow();
  live(1);
  ASSERT_LT(until([&] { return desired_instances() == 0 && ready() == 0; }, 500), 300);
  live(30);
  traffic.rate = 1;
  EXPECT_LE(until([&] { return desired_instances() == 1; }, 5), 1.5);
  live(60);
  EXPECT_EQ(ready(), 2);
  EXPECT_GT(traffic.answered, 0u);
}

TEST_F(VariantsTest, of_components_are_scaled_by_aws_alarms_where_the_tag_says_so) {
  components_in_service(1, "aws");
  register_target(1, 8);
  follow();
  traffic.rate = 3;
  live(60);
  ASSERT_EQ(desired_instances(), 1);
  align(60);
  traffic.rate = 12;
  double seconds = until([&] { return desired_instances() > 1; }, 120);
  EXPECT_GE(seconds, 30);
  EXPECT_LE(seconds, 31);
}

TEST_F(VariantsTest, whose_instances_follow_their_copies_are_left_to_these) {
  endpoint_with(managed(1, 8), "");
  add_component(2, spec("vllm"));
  until([&] { return component_is(state::ComponentStatus::kInService); }, 120);
  register_target(3, 8);
  follow();
  traffic.rate = 30;
  live(60);
  EXPECT_EQ(desired_instances(), 1);
  EXPECT_TRUE(activities().empty());
}

}  // namespace
}  // namespace zeropull::autoscaler
