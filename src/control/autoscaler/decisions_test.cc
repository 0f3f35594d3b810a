// What voids a decision between the look that made it and its commit, and an alarm's state that changes meanwhile.
#include "control/autoscaler/decisions.h"

#include <gtest/gtest.h>

#include "control/autoscaler/testing/world.h"

namespace zeropull::autoscaler {
namespace {

class DecisionsTest : public testing::Test, public World {
 protected:
  Decision decide(int to) {
    Decision decision;
    decision.resource = scales;
    decision.target = target()->revision;
    decision.policy = "tt";
    decision.from = desired();
    decision.to = to;
    return decision;
  }
  bool carry_out(const Decision& decision) {
    Ledger ledger(*state, wall, random);
    return MUST(ledger.carry_out(ctx(), decision)).done;
  }
};

TEST_F(DecisionsTest, a_decision_is_void_once_what_it_was_made_from_has_changed) {
  in_service(4);
  register_target(1, 8);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  auto before = decide(2);
  change<state::ScalableTarget>(target(), [](auto& next) { next.in_suspended = true; });
  EXPECT_FALSE(carry_out(before)) << "scale-in was suspended meanwhile";
  before = decide(2);
  update_component([](auto& next) { next.desired_copies = 5; });
  EXPECT_FALSE(carry_out(before)) << "the capacity is another";
  before = decide(2);
  auto name = scales;
  state::Changes changes;
  changes.remove(state->view().scaling_policy(name.scaled(), "tt"));
  MUST(state->commit(ctx(), std::move(changes)));
  EXPECT_FALSE(carry_out(before)) << "the policy is gone";
  EXPECT_EQ(desired(), 5);
  EXPECT_TRUE(activities().empty());
}

TEST_F(DecisionsTest, one_that_holds_is_done_once) {
  in_service(1);
  register_target(1, 8);
  track("ConcurrentRequestsPerCopy", 2, 10, "Maximum");
  auto decision = decide(3);
  EXPECT_TRUE(carry_out(decision));
  EXPECT_FALSE(carry_out(decision));
  EXPECT_EQ(desired(), 3);
  EXPECT_EQ(activities().size(), 1u);
}

class WatchTest : public DecisionsTest {
 protected:
  WatchTest() {
    in_service(1);
    register_target(1, 8);
    step_policy("deep", 1);
    add_alarm("queue", "Depth", 10, 1, "GreaterThanThreshold", 10, "Maximum", arn_of("deep"), "", "Custom");
    writer.emplace(MUST(metrics->writer({"1", "Custom", "Depth", {{"InferenceComponentName", "qwen"}}}, "Count")));
    align(10);
  }
  // A period with this depth, and the watch's evaluation after it, whose commit is still to come.
  void period(double depth) {
    writer->put(wall.wall_now(), depth);
    clock.advance(std::chrono::seconds(10));
    watch.take(state->view().alarms(), now());
    watch.evaluate_due(now());
  }
  void write() {
    MUST(state->update(ctx(), [&](const state::View& view) -> Result<state::Changes> {
      state::Changes changes;
      watch.write(view, {}, changes);
      return changes;
    }));
    watch.written({});
  }
  // As a caller who puts the alarm again.
  void edit() {
    change<state::Alarm>(alarm("queue"), [](auto& next) { next.configured += 1; });
  }
  std::int64_t now() { return std::chrono::floor<std::chrono::seconds>(wall.wall_now().time_since_epoch()).count(); }

  std::optional<series::Writer> writer;
  AlarmWatch watch{*metrics};
};

TEST_F(WatchTest, an_alarm_that_is_edited_before_its_state_is_written_acts_once_and_keeps_it) {
  period(50);
  EXPECT_EQ(watch.take_triggers().size(), 1u);
  write();
  period(1);
  EXPECT_TRUE(watch.has_unwritten());
  auto view_of_before = alarm("queue");
  EXPECT_EQ(view_of_before->status.value, state::AlarmValue::kAlarm);
  edit();
  write();  // passes over the record, which is another
  watch.take(state->view().alarms(), now());
  EXPECT_TRUE(watch.take_triggers().empty()) << "nobody set a state";
  write();
  EXPECT_EQ(alarm("queue")->status.value, state::AlarmValue::kOk);
}

}  // namespace
}  // namespace zeropull::autoscaler
