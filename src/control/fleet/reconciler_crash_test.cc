// The server ends after each of its commits in turn, and starts again from what is durable: everything converges, nothing is
// lost, launched twice or left behind.
#include <gtest/gtest.h>

#include "control/fleet/fake_fleet.h"
#include "control/fleet/reconciler.h"

namespace zeropull::fleet {
namespace {

using state::ComponentStatus;
using state::EndpointStatus;

void check_consistent(FakeFleet& fleet) {
  std::set<std::string> recorded;
  for (const auto& instance : fleet.state->view().instances()) recorded.insert(instance->id);
  EXPECT_EQ(recorded, fleet.provider.running);
  for (const auto& copy : fleet.copies()) EXPECT_TRUE(recorded.contains(copy->instance_id));
}

// Ends after `commits` more commits, if it comes that far, and starts again; then it may go on.
void run_with_end(FakeFleet& fleet, int commits, const std::function<bool()>& holds, int seconds = 200) {
  fleet.budget->left = commits;
  if (!fleet.until(holds, seconds)) fleet.start();
  EXPECT_TRUE(fleet.until(holds, seconds));
}

TEST(ReconcilerCrash, deploy_scale_update_and_delete_survive_an_end_after_each_commit) {
  int most = 0;
  for (int commits = 1; commits <= std::max(most, 1) && !testing::Test::HasFailure(); ++commits) {
    SCOPED_TRACE(commits);
    FakeFleet fleet;
    auto step = [&](const std::function<bool()>& holds) {
      auto spent = fleet.budget->spent;
      run_with_end(fleet, commits, holds);
      most = std::max(most, fleet.budget->spent - spent);
      fleet.budget->left = 1'000'000;
    };
    fleet.add_endpoint({FakeFleet::managed(1, 4, "ml.g5.2xlarge")});
    step([&] { return fleet.endpoint_is(EndpointStatus::kInService); });
    fleet.add_component(2, FakeFleet::spec("v1"));
    step([&] { return fleet.component_is(ComponentStatus::kInService) && fleet.serving() == 2; });
    fleet.update_component([](auto& next) { next.specs = {FakeFleet::spec("v2")}, next.spec_revision = 2; });
    step([&] { return fleet.component_is(ComponentStatus::kInService) && fleet.copies().size() == 2; });
    EXPECT_EQ(fleet.serving(), 2);
    check_consistent(fleet);
    fleet.change<state::Endpoint>(fleet.endpoint(), [](auto& next) { next.status = EndpointStatus::kDeleting; });
    step([&] { return !fleet.endpoint(); });
    EXPECT_TRUE(fleet.provider.running.empty());
    EXPECT_TRUE(fleet.purged.contains("e1"));
    EXPECT_TRUE(MUST(fleet.kv->list(fleet.ctx(), "")).empty());
  }
  EXPECT_GT(most, 10);
}

}  // namespace
}  // namespace zeropull::fleet
