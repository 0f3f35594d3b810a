// Updates: rolling ones of a component, and of endpoints whose variants have a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/fleet/fake_fleet.h"
#include "control/fleet/reconciler.h"

namespace zeropull::fleet {
namespace {

using state::ComponentStatus;
using state::EndpointStatus;
using testing::HasSubstr;
using testing::SizeIs;

class UpdateTest : public testing::Test, public FakeFleet {
 protected:
  void component_in_service(state::Variant variant, int copies_wanted) {
    add_endpoint({std::move(variant)});
    ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
    add_component(copies_wanted, spec("v1"));
    ASSERT_TRUE(until([&] { return component_is(ComponentStatus::kInService); })) << component()->failure_reason;
  }
  void add_model(const std::string& name, const std::string& image) {
    state::Model model;
    model.account = "1", model.name = name, model.container.image = image;
    add(std::move(model));
  }
  static state::Variant with_model(const std::string& model, int count) {
    auto variant = fixed(count, "ml.g5.2xlarge");
    variant.model_name = model;
    return variant;
  }
  void update_endpoint(std::vector<state::Variant> variants) {
    change<state::Endpoint>(endpoint(), [&](auto& next) {
      next.pending = std::move(variants);
      next.pending_config_name = "config-2", next.pending_config_body = "{}";
      next.pending_metrics = {.enhanced = true, .publish_s = 30};
      next.revision_of_spec += 1;
      next.status = EndpointStatus::kUpdating;
    });
  }
  // Runs to the end of `holds`; the fewest copies that served meanwhile.
  int fewest_serving(const std::function<bool()>& holds, int seconds = 200) {
    int fewest = serving();
    for (int i = 0; i < seconds && !holds(); ++i) {
      tick();
      fewest = std::min(fewest, serving());
    }
    EXPECT_TRUE(holds());
    return fewest;
  }
  int running(const std::string& image) {
    int count = 0;
    for (const auto& copy : copies()) {
      auto owner = state->view().component_by_uid(copy->component_uid);
      for (const auto& deployed : owner->deployed) {
        if (deployed.revision == copy->spec_revision && deployed.specs[0].container.image == image) ++count;
      }
    }
    return count;
  }
};

TEST_F(UpdateTest, a_rolling_update_never_serves_with_fewer_copies) {
  component_in_service(fixed(2), 4);
  settle(3);
  update_component([](auto& next) { next.specs = {spec("v2")}, next.spec_revision = 2; });
  EXPECT_EQ(fewest_serving([&] { return component_is(ComponentStatus::kInService) && running("v1") == 0; }), 4);
  EXPECT_EQ(running("v2"), 4);
}

TEST_F(UpdateTest, batches_are_of_their_size_and_wait_in_between) {
  component_in_service(fixed(2), 4);
  settle(3);
  update_component([](auto& next) {
    next.specs = {spec("v2")}, next.spec_revision = 2;
    next.deployment_body = R"({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                               "WaitIntervalInSeconds": 60}})";
  });
  EXPECT_TRUE(until([&] { return running("v2") == 2; }, 5));
  settle(40);
  EXPECT_EQ(running("v2"), 2);
  EXPECT_EQ(running("v1"), 2);
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService) && running("v2") == 4; }, 80));
}

TEST_F(UpdateTest, without_room_for_a_new_copy_an_old_one_makes_room) {
  component_in_service(fixed(2, "ml.g5.2xlarge"), 2);
  settle(3);
  update_component([](auto& next) { next.specs = {spec("v2")}, next.spec_revision = 2; });
  EXPECT_EQ(fewest_serving([&] { return component_is(ComponentStatus::kInService) && running("v2") == 2; }), 1);
}

TEST_F(UpdateTest, an_update_that_fails_keeps_what_served_and_says_why) {
  component_in_service(fixed(2), 3);
  settle(3);
  update_component([](auto& next) { next.specs = {spec("crash")}, next.spec_revision = 2; });
  EXPECT_EQ(fewest_serving([&] { return component_is(ComponentStatus::kFailed); }), 3);
  EXPECT_THAT(component()->failure_reason, HasSubstr("3 times"));
  settle(20);
  EXPECT_EQ(serving(), 3);
  EXPECT_EQ(running("v1"), 3);
  EXPECT_THAT(copies(), SizeIs(3));
  update_component([](auto& next) { next.specs = {spec("v3")}, next.spec_revision = 3; });
  EXPECT_EQ(fewest_serving([&] { return component_is(ComponentStatus::kInService) && running("v3") == 3; }), 3);
}

TEST_F(UpdateTest, an_update_of_an_image_that_is_not_there_keeps_what_served) {
  component_in_service(fixed(1), 2);
  settle(3);
  update_component([](auto& next) { next.specs = {spec("missing")}, next.spec_revision = 2; });
  EXPECT_EQ(fewest_serving([&] { return component_is(ComponentStatus::kFailed); }), 2);
  settle(10);
  EXPECT_EQ(running("v1"), 2);
}

TEST_F(UpdateTest, caching_is_switched_without_a_restart) {
  component_in_service(fixed(1), 2);
  auto before = copies();
  update_component([](auto& next) {
    auto same = next.specs[0];
    same.data_cache = true;
    next.specs = {same}, next.spec_revision = 2;
  });
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService); }));
  EXPECT_EQ(copies()[0]->id, before[0]->id);
  settle(2);
  EXPECT_THAT(agents.desired(instances()[0]->id)->keep_models, SizeIs(1));
}

TEST_F(UpdateTest, a_variant_with_a_model_has_one_copy_an_instance) {
  add_model("m1", "v1");
  add_endpoint({with_model("m1", 2)});
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  EXPECT_EQ(serving(), 2);
  EXPECT_THAT(instances(), SizeIs(2));
  EXPECT_EQ(routes.endpoints[0].kind, router::EndpointKind::kModels);
  EXPECT_NE(copies()[0]->instance_id, copies()[1]->instance_id);
}

TEST_F(UpdateTest, an_endpoint_whose_model_crashes_fails_with_the_reason_and_keeps_no_instance) {
  add_model("m1", "crash");
  add_endpoint({with_model("m1", 1)});
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kFailed); }, 20));
  EXPECT_THAT(endpoint()->failure_reason, HasSubstr("3 times"));
  EXPECT_FALSE(endpoint()->metrics.enhanced || endpoint()->pending_metrics.enhanced);
  EXPECT_TRUE(until([&] { return instances().empty(); }, 20));
}

TEST_F(UpdateTest, an_endpoint_moves_to_another_model_without_a_loss) {
  add_model("m1", "v1");
  add_model("m2", "v2");
  add_endpoint({with_model("m1", 2)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  settle(3);
  update_endpoint({with_model("m2", 2)});
  EXPECT_EQ(fewest_serving([&] { return endpoint_is(EndpointStatus::kInService); }), 2);
  EXPECT_EQ(running("v2"), 2);
  EXPECT_EQ(endpoint()->config_name, "config-2");
  EXPECT_TRUE(endpoint()->metrics.enhanced && endpoint()->metrics.publish_s == 30) << "what it says of metrics holds from now on";
  EXPECT_FALSE(endpoint()->pending);
  EXPECT_TRUE(until([&] { return instances().size() == 2; }));
}

TEST_F(UpdateTest, an_endpoint_moves_to_a_variant_of_another_name_and_type) {
  add_model("m1", "v1");
  add_model("m2", "v2");
  add_endpoint({with_model("m1", 2)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  settle(3);
  auto green = with_model("m2", 1);
  green.name = "green", green.pools = {{"ml.g6.2xlarge", 1, ""}};
  update_endpoint({green});
  EXPECT_GE(fewest_serving([&] { return endpoint_is(EndpointStatus::kInService); }), 1);
  EXPECT_EQ(serving(), 1);
  ASSERT_THAT(instances(), SizeIs(1));
  EXPECT_EQ(instances()[0]->instance_type, "ml.g6.2xlarge");
  EXPECT_THAT(state->view().components_of_endpoint("e1"), SizeIs(1));
}

TEST_F(UpdateTest, an_update_of_an_endpoint_that_fails_goes_back) {
  add_model("m1", "v1");
  add_model("m2", "crash");
  add_endpoint({with_model("m1", 2)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  settle(3);
  update_endpoint({with_model("m2", 2)});
  EXPECT_EQ(fewest_serving([&] { return endpoint_is(EndpointStatus::kInService); }), 2);
  EXPECT_THAT(endpoint()->failure_reason, HasSubstr("3 times"));
  settle(5);
  EXPECT_EQ(running("v1"), 2);
  EXPECT_THAT(instances(), SizeIs(2));
}

TEST_F(UpdateTest, components_move_to_instances_of_another_type) {
  component_in_service(fixed(1), 2);
  settle(3);
  update_endpoint({fixed(1, "ml.g6.12xlarge")});
  EXPECT_EQ(fewest_serving([&] { return endpoint_is(EndpointStatus::kInService); }), 2);
  ASSERT_THAT(instances(), SizeIs(1));
  EXPECT_EQ(instances()[0]->instance_type, "ml.g6.12xlarge");
}

TEST_F(UpdateTest, capacity_and_weights_change) {
  add_model("m1", "v1");
  add_endpoint({with_model("m1", 1)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  auto scale = [&](int count) {
    change<state::Endpoint>(endpoint(), [&](auto& next) {
      next.variants[0].desired_instances = count, next.variants[0].desired_weight = 0.5, next.status = EndpointStatus::kUpdating;
    });
    EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
    settle(3);
  };
  scale(3);
  EXPECT_EQ(serving(), 3);
  EXPECT_EQ(endpoint()->variants[0].current_weight, 0.5);
  scale(1);
  EXPECT_EQ(serving(), 1);
  EXPECT_TRUE(until([&] { return instances().size() == 1; }, 10));
}

TEST_F(UpdateTest, capacity_that_cannot_be_had_goes_back_to_what_there_is) {
  add_model("m1", "v1");
  add_endpoint({with_model("m1", 1)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  provider.refuse["ml.g5.2xlarge"] = Code::kInvalidArgument;
  change<state::Endpoint>(endpoint(),
                          [&](auto& next) { next.variants[0].desired_instances = 3, next.status = EndpointStatus::kUpdating; });
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }, 60));
  EXPECT_EQ(endpoint()->variants[0].desired_instances, 1);
  EXPECT_THAT(endpoint()->failure_reason, HasSubstr("no ml.g5.2xlarge left"));
  EXPECT_EQ(serving(), 1);
}

TEST_F(UpdateTest, fewer_instances_move_their_copies_to_those_that_stay) {
  component_in_service(fixed(2), 2);
  settle(3);
  change<state::Endpoint>(endpoint(),
                          [&](auto& next) { next.variants[0].desired_instances = 1, next.status = EndpointStatus::kUpdating; });
  EXPECT_EQ(fewest_serving([&] { return endpoint_is(EndpointStatus::kInService); }), 2);
  EXPECT_THAT(instances(), SizeIs(1));
}

}  // namespace
}  // namespace zeropull::fleet
