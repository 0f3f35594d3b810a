// Creation, scaling, failure and deletion, with agents that converge and a provider that launches nothing.
#include "control/fleet/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/fleet/fake_fleet.h"
#include "control/fleet/steps.h"

namespace zeropull::fleet {
namespace {

using state::ComponentStatus;
using state::EndpointStatus;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ReconcilerTest : public testing::Test, public FakeFleet {
 protected:
  void in_service(state::Variant variant, int copies_wanted) {
    add_endpoint({std::move(variant)});
    ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
    add_component(copies_wanted, spec("vllm"));
    ASSERT_TRUE(until([&] { return component_is(ComponentStatus::kInService); })) << component()->failure_reason;
    settle(3);
  }
};

TEST_F(ReconcilerTest, an_endpoint_is_in_service_when_its_instances_are_there) {
  add_endpoint({fixed(2)});
  tick();
  EXPECT_TRUE(endpoint_is(EndpointStatus::kCreating));
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  EXPECT_THAT(instances(), SizeIs(2));
  EXPECT_THAT(provider.running, SizeIs(2));
}

TEST_F(ReconcilerTest, a_component_is_in_service_and_routed_when_its_copies_are_ready) {
  in_service(fixed(1), 2);
  EXPECT_EQ(serving(), 2);
  EXPECT_EQ(routes.endpoints[0].name, "llm");
  EXPECT_EQ(component()->specs[0].container.resolved_image, "vllm@sha256:" + digest);
  EXPECT_EQ(component()->specs[0].container.model_identity, "identity-of-s3://models/qwen/");
  const auto* desired = agents.desired(instances()[0]->id);
  ASSERT_NE(desired, nullptr);
  EXPECT_THAT(desired->copies, SizeIs(2));
  EXPECT_NE(desired->copies[0].resources.accelerators, desired->copies[1].resources.accelerators);
  EXPECT_THAT(desired->copies[0].arguments, testing::ElementsAre("serve"));
}

TEST_F(ReconcilerTest, the_routing_table_is_made_anew_for_its_changes_alone) {
  in_service(fixed(1), 2);
  settle();
  const auto before = tables;
  settle();
  EXPECT_EQ(tables, before);
}

TEST_F(ReconcilerTest, a_copy_that_is_said_to_answer_on_another_host_is_never_routed_to) {
  for (const char* elsewhere : {"127.0.0.1:22", "10.0.0.12:20000", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:99999",
                                "10.0.0.1:80@evil", "10.0.0.1:80 ", ""}) {
    agents.address = elsewhere;
    auto name = "at-" + to_hex(as_bytes(std::string_view(elsewhere)));
    if (!endpoint()) add_endpoint({managed(1, 3)});
    add_component(1, spec("vllm"), name);
    EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kFailed, name); }, 30)) << elsewhere;
    EXPECT_THAT(component(name)->failure_reason, HasSubstr("no port of instance")) << elsewhere;
    EXPECT_EQ(serving(), 0) << elsewhere;
  }
}

TEST_F(ReconcilerTest, an_agent_speaks_of_its_own_copies_alone) {
  in_service(fixed(2, "ml.g5.2xlarge"), 2);
  auto sick = copies()[0];
  agents.sick.insert(sick->id);
  agents.invented[copies()[1]->instance_id] = {{.id = sick->id, .state = agent::CopyState::kReady, .address = agents.address}};
  EXPECT_TRUE(until([&] { return serving() == 1; }, 5));
  EXPECT_TRUE(until([&] { return !state->view().copy(sick->id); }, 80)) << "another agent's word kept it";
}

TEST_F(ReconcilerTest, nothing_is_committed_while_nothing_changes) {
  in_service(managed(1, 3), 2);
  settle(5);
  auto before = budget->spent;
  settle(30);
  EXPECT_EQ(budget->spent, before);
}

TEST_F(ReconcilerTest, each_start_leaves_a_timeline) {
  in_service(fixed(1), 1);
  auto timeline = state->view().timeline_of_endpoint("e1");
  ASSERT_THAT(timeline, SizeIs(2));
  std::set<std::string> kinds;
  for (const auto& entry : timeline) {
    kinds.insert(entry->kind);
    EXPECT_EQ(entry->outcome, "ready");
    EXPECT_EQ(entry->link_bits_per_s, 40'000'000'000u);
    EXPECT_THAT(entry->phases, SizeIs(1));
  }
  EXPECT_THAT(kinds, testing::ElementsAre("copy", "instance"));
}

TEST_F(ReconcilerTest, copies_that_a_decision_ordered_tell_how_long_the_detection_took) {
  in_service(fixed(1), 1);
  update_component([](state::Component& next) {
    next.desired_copies = 2;
    next.order = {.onset = 1000, .decided = 4000, .above = 1, .reason = "8 requests in 3.0 s"};
  });
  ASSERT_TRUE(until([&] { return component_is(ComponentStatus::kInService); }));
  EXPECT_EQ(component()->order, state::ScaleOrder{});
  int detected = 0;
  for (const auto& entry : state->view().timeline_of_endpoint("e1")) {
    if (entry->kind != "copy") continue;
    auto names = [](const auto& phase) { return phase.name; };
    bool has = names(entry->phases.front()) == kDetectPhase;
    detected += has ? 1 : 0;
    if (!has) continue;
    EXPECT_GT(entry->phases.size(), 1u) << "the agent's phases follow";
    EXPECT_EQ(entry->phases.front().begin, 1000);
    EXPECT_EQ(entry->phases.front().end, 4000);
    EXPECT_EQ(entry->phases.front().reason, "8 requests in 3.0 s");
  }
  EXPECT_EQ(detected, 1);
}

TEST_F(ReconcilerTest, the_timeline_keeps_the_newest_entries) {
  policy.timeline_entries_max = 5;
  start();
  in_service(fixed(1), 1);
  for (int i = 0; i < 6; ++i) {
    update_component([&](auto& next) { next.specs = {spec("v" + std::to_string(i))}, ++next.spec_revision; });
    ASSERT_TRUE(until([&] { return component_is(ComponentStatus::kInService); }));
  }
  auto timeline = state->view().timeline_of_endpoint("e1");
  EXPECT_THAT(timeline, SizeIs(5));
  EXPECT_TRUE(std::ranges::any_of(timeline, [&](const auto& entry) { return entry->id == copies().back()->id; }));
}

TEST_F(ReconcilerTest, an_image_that_is_not_there_fails_at_once_with_the_reason) {
  add_endpoint({fixed(1)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  add_component(1, spec("missing"));
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kFailed); }, 3));
  EXPECT_THAT(component()->failure_reason, HasSubstr("The image \"missing\" cannot be resolved: manifest unknown"));
}

TEST_F(ReconcilerTest, a_crash_loop_fails_at_once_with_reason_and_log) {
  add_endpoint({fixed(1)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  add_component(1, spec("crash"));
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kFailed); }, 10));
  EXPECT_THAT(component()->failure_reason, HasSubstr("the container ended 3 times before it was ready"));
  EXPECT_THAT(component()->failure_reason, HasSubstr("CUDA error"));
  settle(5);
  EXPECT_THAT(copies(), IsEmpty());  // nothing is tried again before an update
}

TEST_F(ReconcilerTest, what_can_never_fit_fails_at_once) {
  add_endpoint({managed(1, 5)});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  add_component(1, spec("vllm", 8));
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kFailed); }, 3));
  EXPECT_THAT(component()->failure_reason, HasSubstr("it can never fit on ml.g5.12xlarge: requested 8 accelerators"));
}

TEST_F(ReconcilerTest, what_does_not_fit_a_fixed_fleet_fails_with_what_is_free) {
  add_endpoint({fixed(1, "ml.g5.2xlarge")});
  ASSERT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }));
  add_component(2, spec("vllm"));
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kFailed); }, 5));
  EXPECT_THAT(component()->failure_reason, HasSubstr("does not fit now"));
  EXPECT_THAT(component()->failure_reason, HasSubstr("free 0 accelerators"));
}

TEST_F(ReconcilerTest, managed_scaling_launches_what_copies_need_up_to_its_maximum) {
  in_service(managed(1, 3, "ml.g5.2xlarge"), 1);
  update_component([](auto& next) { next.desired_copies = 3; });
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kUpdating); }, 5));
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService); }));
  EXPECT_EQ(serving(), 3);
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }, 5));
  update_component([](auto& next) { next.desired_copies = 5; });
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService); }));
  EXPECT_THAT(instances(), SizeIs(3));
  EXPECT_THAT(component()->failure_reason, HasSubstr("does not fit now"));
  EXPECT_THAT(endpoint()->variants[0].status_message, HasSubstr("does not fit now"));
}

TEST_F(ReconcilerTest, idle_instances_go_after_their_time_and_zero_copies_need_none) {
  in_service(managed(0, 3, "ml.g5.2xlarge"), 2);
  ASSERT_THAT(instances(), SizeIs(2));
  update_component([](auto& next) { next.desired_copies = 0; });
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService) && copies().empty(); }));
  EXPECT_THAT(instances(), SizeIs(2));
  EXPECT_TRUE(until([&] { return instances().empty(); }, 320));
  EXPECT_THAT(provider.running, IsEmpty());
  update_component([](auto& next) { next.desired_copies = 1; });
  EXPECT_TRUE(until([&] { return component_is(ComponentStatus::kInService) && serving() == 1; }));
}

TEST_F(ReconcilerTest, a_copy_that_goes_is_drained_before_it_is_stopped) {
  in_service(fixed(1), 2);
  for (const auto& copy : copies()) in_flight[copy->id] = 1;
  update_component([](auto& next) { next.desired_copies = 1; });
  settle(30);
  EXPECT_EQ(serving(), 1);
  ASSERT_THAT(copies(), SizeIs(2));
  EXPECT_THAT(agents.desired(instances()[0]->id)->copies, SizeIs(2));
  in_flight.clear();
  EXPECT_TRUE(until([&] { return copies().size() == 1; }));
  EXPECT_THAT(agents.desired(instances()[0]->id)->copies, SizeIs(1));
}

TEST_F(ReconcilerTest, a_lost_instance_is_replaced_and_its_copies_with_it) {
  in_service(fixed(2, "ml.g5.2xlarge"), 2);
  auto lost = instances()[0]->id;
  provider.running.erase(lost);
  settle(30);
  EXPECT_EQ(serving(), 2);  // not yet: its agent may come back
  EXPECT_TRUE(until([&] { return serving() == 1; }));
  EXPECT_TRUE(until([&] { return serving() == 2; }));
  EXPECT_THAT(instances(), SizeIs(2));
  EXPECT_FALSE(state->view().instance(lost));
}

TEST_F(ReconcilerTest, a_silent_agent_whose_instance_is_there_keeps_its_copies) {
  in_service(fixed(1), 1);
  agents.mute.insert(instances()[0]->id);
  settle(300);
  EXPECT_EQ(serving(), 1);
}

TEST_F(ReconcilerTest, a_step_of_the_wall_clock_makes_no_instance_silent_and_no_work_wait) {
  in_service(fixed(2, "ml.g5.2xlarge"), 2);
  const auto before = copies();
  for (const auto step : {std::chrono::hours(24), std::chrono::hours(-48)}) {
    clock.step_wall(step);
    settle(90);
    EXPECT_EQ(serving(), 2);
    ASSERT_THAT(copies(), SizeIs(2));
    for (const auto& copy : before) EXPECT_TRUE(state->view().copy(copy->id)) << "replaced";
    ASSERT_TRUE(state->view().instance(before[0]->instance_id));
  }
  provider.running.erase(before[0]->instance_id);
  EXPECT_TRUE(until([&] { return serving() == 1; }));
  EXPECT_TRUE(until([&] { return serving() == 2; }));
}

TEST_F(ReconcilerTest, an_unhealthy_copy_is_not_routed_and_replaced_after_its_time) {
  in_service(fixed(1), 1);
  auto sick = copies()[0]->id;
  agents.sick.insert(sick);
  EXPECT_TRUE(until([&] { return serving() == 0; }, 5));
  EXPECT_TRUE(until([&] { return serving() == 1; }, 80));
  EXPECT_FALSE(state->view().copy(sick));
}

TEST_F(ReconcilerTest, without_capacity_the_next_pool_is_asked_at_once) {
  auto variant = fixed(1);
  variant.pools = {{"ml.p5.48xlarge", 1, ""}, {"ml.g5.12xlarge", 2, ""}};
  provider.refuse["ml.p5.48xlarge"] = Code::kResourceExhausted;
  add_endpoint({variant});
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }, 10));
  EXPECT_EQ(instances()[0]->instance_type, "ml.g5.12xlarge");
}

TEST_F(ReconcilerTest, without_any_capacity_the_reason_shows_at_once_and_the_endpoint_fails_in_time) {
  provider.refuse["ml.g5.12xlarge"] = Code::kResourceExhausted;
  auto variant = fixed(1);
  variant.provision_timeout_s = 300;
  add_endpoint({variant});
  EXPECT_TRUE(until([&] { return !endpoint()->variants[0].status_message.empty(); }, 3));
  EXPECT_THAT(endpoint()->variants[0].status_message, HasSubstr("no ml.g5.12xlarge left"));
  EXPECT_TRUE(endpoint_is(EndpointStatus::kCreating));
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kFailed); }, 400));
  EXPECT_THAT(endpoint()->failure_reason, HasSubstr("no ml.g5.12xlarge left"));
  settle();
  EXPECT_THAT(instances(), IsEmpty());
}

TEST_F(ReconcilerTest, a_type_that_the_provider_never_has_fails_the_endpoint_at_once) {
  provider.refuse["ml.g5.12xlarge"] = Code::kInvalidArgument;
  add_endpoint({fixed(1)});
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kFailed); }, 5));
}

TEST_F(ReconcilerTest, an_instance_whose_agent_never_connects_is_replaced) {
  add_endpoint({fixed(1)});
  MUST(reconciler->run_once(ctx(), Reconciler::Which::kAll));
  auto first = instances()[0]->id;
  agents.mute.insert(first);
  EXPECT_TRUE(until([&] { return endpoint_is(EndpointStatus::kInService); }, 400));
  EXPECT_FALSE(state->view().instance(first));
  EXPECT_FALSE(provider.running.contains(first));
}

TEST_F(ReconcilerTest, a_component_is_deleted_in_any_state) {
  in_service(fixed(1), 2);
  add_component(1, spec("slow"), "slow");
  settle(5);
  for (const char* name : {"qwen", "slow"}) {
    change<state::Component>(component(name), [](auto& next) { next.status = ComponentStatus::kDeleting; });
    EXPECT_TRUE(until([&] { return !component(name); })) << name;
  }
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_THAT(agents.desired(instances()[0]->id)->copies, IsEmpty());
}

TEST_F(ReconcilerTest, deleting_an_endpoint_leaves_nothing) {
  in_service(fixed(2), 3);
  change<state::Endpoint>(endpoint(), [](auto& next) { next.status = EndpointStatus::kDeleting; });
  EXPECT_TRUE(until([&] { return !endpoint(); }));
  EXPECT_TRUE(purged.contains("e1"));
  EXPECT_THAT(provider.running, IsEmpty());
  EXPECT_THAT(MUST(kv->list(ctx(), "")), IsEmpty());
  EXPECT_EQ(serving(), 0);
}

TEST_F(ReconcilerTest, an_endpoint_that_is_still_being_created_is_deleted) {
  provider.refuse["ml.g5.12xlarge"] = Code::kResourceExhausted;
  add_endpoint({fixed(1)});
  settle(3);
  change<state::Endpoint>(endpoint(), [](auto& next) { next.status = EndpointStatus::kDeleting; });
  EXPECT_TRUE(until([&] { return !endpoint(); }));
}

TEST_F(ReconcilerTest, an_instance_that_nobody_knows_is_released) {
  provider.running.insert("i-unknown");
  tick();
  EXPECT_THAT(provider.running, IsEmpty());
}

TEST_F(ReconcilerTest, what_was_published_completes_the_volume_once) {
  in_service(fixed(1), 1);
  agents.artifacts = {{.kind = agent::CachedArtifact::Kind::kImage,
                       .identity = "sha256:" + digest,
                       .bytes = 1,
                       .published = agent::CachedArtifact::Published::kYes}};
  settle(10);
  EXPECT_EQ(volumes_completed, 1);
}

TEST_F(ReconcilerTest, a_restarted_server_changes_no_copy) {
  in_service(fixed(2), 3);
  auto before = copies();
  auto launches = provider.launches;
  start();
  settle(30);
  auto after = copies();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i]->id, before[i]->id);
  EXPECT_EQ(provider.launches, launches);
  EXPECT_EQ(serving(), 3);
}

}  // namespace
}  // namespace zeropull::fleet
