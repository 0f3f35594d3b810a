#include "control/fleet/static_provider.h"

#include "control/fleet/fake_fleet.h"
#include "control/fleet/provider_conformance.h"

namespace zeropull::fleet {
namespace {

using testing::HasSubstr;

class SilentLink final : public AgentLink {
 public:
  void send_desired(const std::string& agent, const agent::DesiredState& desired) override { last[agent] = desired; }
  void forget(const std::string&) override {}
  std::map<std::string, agent::DesiredState> last;
};

// A pool of three machines that have joined, are wiped and report.
class Pool final : public ProviderUnderTest {
 public:
  Pool() {
    state_ = MUST(state::State::create(ctx(), state::make_memory_kv()));
    state::Changes changes;
    for (int i = 1; i <= 3; ++i) {
      state::Machine machine;
      machine.id = "m-" + std::to_string(i), machine.instance_type = type.name, machine.address = "10.1.0." + std::to_string(i);
      changes.add(std::move(machine));
    }
    for (auto id : {"i-0000000000000001", "i-0000000000000002", "i-1", "i-2", "i-3", "i-4"}) {
      state::Instance instance;
      instance.id = id;
      changes.add(std::move(instance));
    }
    MUST(state_->commit(ctx(), std::move(changes)));
    restart();
  }
  Context ctx() const { return Context::root("test"); }
  StaticProvider& provider() override { return *provider_; }
  void restart() override {
    provider_ = std::make_unique<StaticProvider>(StaticProviderParts{
        .state = *state_,
        .agents = link,
        .proof_of_wipe = [this](const state::Machine&, const state::Instance&) -> Result<std::string> { return proof; },
        .clock = clock});
    for (int i = 1; i <= 3; ++i) report("m-" + std::to_string(i), {});
  }
  void report(const std::string& machine, agent::Report of) {
    of.generation = link.last[machine].generation;
    provider_->report(machine, of);
  }
  state::Ptr<state::Machine> machine(const std::string& id) { return state_->view().machine(id); }
  LaunchRequest request(const std::string& id) const {
    return {.instance_id = id, .type = type, .volumes = {}, .join_token = {}, .control_address = "", .authority_pem = ""};
  }
  static agent::Report wiped(const std::string& proof) {
    agent::Report report;
    report.wiped = agent::Report::Wiped::kYes, report.wipe_proof = proof;
    return report;
  }

  FakeClock clock;
  SilentLink link;
  std::string proof = "proof";  // of the next lease

 private:
  std::unique_ptr<state::State> state_;
  std::unique_ptr<StaticProvider> provider_;
};

INSTANTIATE_TEST_SUITE_P(Static, ProviderConformance,
                         testing::Values(ProviderCase{"static", [] { return std::make_unique<Pool>(); }}));

class StaticProviderTest : public testing::Test {
 protected:
  Context ctx() const { return Context::root("test"); }
  Result<Launched> launch(const std::string& id) { return pool_.provider().launch(ctx(), pool_.request(id)); }
  Pool pool_;
};

TEST_F(StaticProviderTest, a_machine_is_leased_to_one_instance_at_a_time) {
  std::set<std::string> machines;
  for (auto id : {"i-1", "i-2", "i-3"}) machines.insert(MUST(launch(id)).handle);
  EXPECT_EQ(machines.size(), 3u);
  auto none = launch("i-4");
  ASSERT_TRUE(none.failed_with(Code::kResourceExhausted));
  EXPECT_THAT(none.error().message(), HasSubstr("3 leased, 0 not yet proven wiped"));
}

TEST_F(StaticProviderTest, a_released_machine_is_leased_again_only_with_the_proof_of_its_wipe) {
  for (auto id : {"i-1", "i-2", "i-3"}) MUST(launch(id));
  auto machine = MUST(launch("i-1")).handle;
  MUST(pool_.provider().release(ctx(), "i-1"));
  EXPECT_FALSE(pool_.link.last[machine].endpoint);  // it is told to wipe
  EXPECT_THAT(launch("i-4").error().message(), HasSubstr("2 leased, 1 not yet proven wiped"));
  pool_.report(machine, {});
  pool_.report(machine, Pool::wiped("no proof"));
  EXPECT_FALSE(pool_.machine(machine)->wiped);
  pool_.report(machine, Pool::wiped("proof"));
  EXPECT_TRUE(pool_.machine(machine)->wiped);
  EXPECT_EQ(MUST(launch("i-4")).handle, machine);
}

TEST_F(StaticProviderTest, an_agent_that_was_never_told_of_a_lease_shows_what_it_proved_last) {
  auto lease_and_release = [&](const std::string& id, const std::string& proof) {
    pool_.proof = proof;
    auto machine = MUST(launch(id)).handle;
    MUST(pool_.provider().release(ctx(), id));
    EXPECT_FALSE(pool_.machine(machine)->wiped);
    return machine;
  };
  auto machine = lease_and_release("i-1", "first");
  pool_.report(machine, Pool::wiped(""));  // it was never leased before
  EXPECT_TRUE(pool_.machine(machine)->wiped);
  ASSERT_EQ(lease_and_release("i-2", "second"), machine);
  pool_.report(machine, Pool::wiped("second"));
  EXPECT_TRUE(pool_.machine(machine)->wiped);
  ASSERT_EQ(lease_and_release("i-3", "third"), machine);
  for (auto older : {"", "first"}) {
    pool_.report(machine, Pool::wiped(older));
    EXPECT_FALSE(pool_.machine(machine)->wiped) << older;
  }
  pool_.report(machine, Pool::wiped("second"));
  EXPECT_TRUE(pool_.machine(machine)->wiped);
}

TEST_F(StaticProviderTest, a_proof_for_an_earlier_desired_state_does_not_count) {
  auto machine = MUST(launch("i-1")).handle;
  MUST(pool_.provider().release(ctx(), "i-1"));
  auto stale = Pool::wiped("proof");
  stale.generation = pool_.link.last[machine].generation - 1;
  pool_.provider().report(machine, stale);
  EXPECT_FALSE(pool_.machine(machine)->wiped);
}

TEST_F(StaticProviderTest, after_a_restart_the_wipe_is_asked_for_again) {
  auto machine = MUST(launch("i-1")).handle;
  MUST(pool_.provider().release(ctx(), "i-1"));
  auto before = pool_.link.last[machine].generation;
  pool_.restart();
  EXPECT_GT(pool_.link.last[machine].generation, before);
  pool_.report(machine, Pool::wiped("proof"));
  EXPECT_TRUE(pool_.machine(machine)->wiped);
}

TEST_F(StaticProviderTest, a_machine_that_is_not_heard_of_is_not_leased) {
  pool_.clock.advance(std::chrono::minutes(2));
  auto none = launch("i-1");
  ASSERT_TRUE(none.failed_with(Code::kResourceExhausted));
  EXPECT_THAT(none.error().message(), HasSubstr("3 not heard of"));
}

}  // namespace
}  // namespace zeropull::fleet
