// The life of copies against fakes of containerd, network and probe, in real threads; every wait is for a condition.
#include "agent/copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/fake_copies.h"
#include "os/file.h"

namespace zeropull::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Copies : public testing::Test {
 protected:
  void TearDown() override { manager_.reset(); }

  void start_manager() {
    manager_ = MUST(CopyManager::create(
        ctx_,
        {.folder = scratch_.path() + "/agent",
         .instance_address = "10.7.0.2",
         .timings = {.ping_timeout = milliseconds(200),
                     .ping_before_ready = milliseconds(1),
                     .ping_when_ready = milliseconds(1),
                     .ping_when_failing = milliseconds(1),
                     .restart_delay_min = milliseconds(1),
                     .restart_delay_max = milliseconds(2),
                     .retry_pause = milliseconds(1)}},
        {.containers = containers_,
         .network = network_,
         .probe = probe_,
         .ensure_image = [this](const Context& ctx, const Copy&, const PhaseUpdate& update) { return image_(ctx, update); },
         .ensure_model = [this](const Context& ctx, const DesiredModel&, const PhaseUpdate&) { return model_(ctx); },
         .on_change = [this] { bell_.ring(); }}));
  }
  static Copy copy(const std::string& id) {
    Copy copy;
    copy.id = id;
    copy.component = "llm";
    copy.image = "registry/image@sha256:1";
    copy.arguments = {"serve"};
    copy.model.emplace();
    copy.model->uri = "s3://bucket/model";
    copy.probe.crashes_max = 3;
    return copy;
  }
  void apply(std::vector<Copy> copies) { MUST(manager_->apply(ctx_, {.copies = std::move(copies), .policy = {}})); }
  CopyReport report(const std::string& id = "c1") {
    for (auto& report : manager_->reports()) {
      if (report.id == id) return report;
    }
    return {.id = "(none)"};
  }
  void wait_for(CopyState state, const std::string& id = "c1") {
    bell_.wait_until([&] { return report(id).id == id && report(id).state == state; });
  }
  void wait_until_gone() {
    bell_.wait_until([&] { return manager_->reports().empty(); });
  }
  Result<ReadyImage> fine_image() {
    return ReadyImage{.config = {}, .chain = {}, .digest = "sha256:1", .phase = {.bytes = 7, .source = "volume"}};
  }

  const Context ctx_ = Context::root("test");
  const os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-copies-"));
  Bell bell_;
  FakeContainers containers_{bell_};
  FakeNetwork network_;
  FakeProbe probe_{bell_};
  std::function<Result<ReadyImage>(const Context&, const PhaseUpdate&)> image_ = [this](const Context&, const PhaseUpdate&) {
    return fine_image();
  };
  std::function<Result<ReadyModel>(const Context&)> model_ = [](const Context&) {
    return ReadyModel{.path = "/models/m", .identity = "ab", .phase = {.source = "origin"}};
  };
  std::unique_ptr<CopyManager> manager_;
};

TEST_F(Copies, one_becomes_ready_and_goes_without_a_trace) {
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  auto ready = report();
  EXPECT_EQ(ready.address, "10.7.0.2:20000");
  EXPECT_EQ(ready.image_digest, "sha256:1");
  EXPECT_EQ(ready.model_identity, "ab");
  ASSERT_EQ(ready.phases.size(), 4u);
  for (const auto& phase : ready.phases) {
    EXPECT_GT(phase.end_unix_ms, 0u) << phase.name;
    EXPECT_GE(phase.end_unix_ms, phase.begin_unix_ms) << phase.name;
    if (phase.name == "image") {
      EXPECT_EQ(phase.source, "volume");
    }
  }
  EXPECT_EQ(ready.phases[2].name, "start");
  EXPECT_EQ(ready.phases[3].name, "healthy");
  bell_.wait_until([&] { return report().memory_bytes == 4096; });

  apply({});
  wait_until_gone();
  EXPECT_THAT(containers_.events(), ElementsAre("start c1", "stop c1 30", "remove c1"));
  EXPECT_THAT(*network_.attached.lock(), IsEmpty());
  EXPECT_THAT(MUST(os::list_folder(scratch_.path() + "/agent/copies")), IsEmpty());
}

TEST_F(Copies, nothing_is_started_twice) {
  start_manager();
  for (int i = 0; i < 20; ++i) apply({copy("c1"), copy("c2")});
  wait_for(CopyState::kReady, "c1");
  wait_for(CopyState::kReady, "c2");
  apply({copy("c1"), copy("c2")});
  auto events = containers_.events();
  EXPECT_EQ(events.size(), 2u);
  EXPECT_NE(report("c1").address, report("c2").address);
  EXPECT_EQ(network_.attached.lock()->size(), 2u);
}

TEST_F(Copies, ready_means_pinged_and_warm) {
  auto cold = copy("c1");
  cold.probe.warm_up_path = "/invocations";
  *probe_.ping_answer.lock() = Code::kUnavailable;
  *probe_.warm_up_fails.lock() = true;
  start_manager();
  apply({cold});
  bell_.wait_until([&] { return report().reason.find("GET /ping") != std::string::npos; });
  EXPECT_EQ(report().state, CopyState::kStarting);
  EXPECT_EQ(report().phases.back().name, "start") << "nothing has answered yet";
  *probe_.ping_answer.lock() = Code::kFailedPrecondition;
  bell_.wait_until([&] { return report().phases.back().name == "healthy"; });
  *probe_.ping_answer.lock() = std::nullopt;
  bell_.wait_until([&] { return report().reason.find("503") != std::string::npos; });
  EXPECT_EQ(report().state, CopyState::kStarting);
  *probe_.warm_up_fails.lock() = false;
  wait_for(CopyState::kReady);
  EXPECT_EQ(report().reason, "");
}

TEST_F(Copies, a_crash_loop_fails_with_its_reason_and_log) {
  containers_.lock()->dies_at_start = 3;
  *probe_.ping_answer.lock() = Code::kUnavailable;
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kFailed);
  auto failed = report();
  EXPECT_THAT(failed.reason, HasSubstr("exit code 3, 3 times in a row before it was ready"));
  EXPECT_THAT(failed.reason, HasSubstr("last words"));
  EXPECT_THAT(failed.log_tail, HasSubstr("last words"));
  EXPECT_EQ(failed.crashes, 3u);
  EXPECT_THAT(containers_.events(), ElementsAre("start c1", "remove c1", "start c1", "remove c1", "start c1", "remove c1"));
  EXPECT_THAT(*network_.attached.lock(), IsEmpty()) << "a failed copy holds nothing";
  EXPECT_THAT(std::string(as_text(MUST(manager_->read_log("c1", 0, 4096)).data)), HasSubstr("last words"));

  manager_.reset();
  start_manager();
  apply({copy("c1")});
  EXPECT_EQ(report().state, CopyState::kFailed) << "it has failed for good, for the next agent too";
  EXPECT_THAT(report().reason, HasSubstr("exit code 3"));
  apply({});
  wait_until_gone();
}

TEST_F(Copies, what_cannot_be_started_crashes_too) {
  containers_.lock()->start_fails = Code::kInvalidArgument;
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kFailed);
  EXPECT_THAT(report().reason, HasSubstr("could not be started: no such file"));
}

TEST_F(Copies, an_image_that_is_not_there_fails_at_once_and_an_outage_does_not) {
  int asked = 0;
  image_ = [&](const Context&, const PhaseUpdate&) -> Result<ReadyImage> {
    if (++asked < 3) return make_error(Code::kUnavailable, "registry away");
    return make_error(Code::kNotFound, "no such manifest");
  };
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kFailed);
  EXPECT_EQ(asked, 3);
  EXPECT_THAT(report().reason, HasSubstr("image registry/image@sha256:1: no such manifest"));
  EXPECT_THAT(containers_.events(), IsEmpty());
}

TEST_F(Copies, progress_of_a_phase_is_seen_while_it_runs) {
  image_ = [&](const Context& ctx, const PhaseUpdate& update) -> Result<ReadyImage> {
    update({.bytes = 5, .total_bytes = 10, .source = "store"});
    TRY(ctx.sleep(std::chrono::minutes(1)));
    return fine_image();
  };
  start_manager();
  apply({copy("c1")});
  bell_.wait_until([&] {
    auto phases = report().phases;
    return std::ranges::any_of(phases, [](const Phase& phase) { return phase.bytes == 5 && phase.end_unix_ms == 0; });
  });
}

TEST_F(Copies, a_removal_ends_a_start_in_every_phase) {
  auto hang = [](const Context& ctx) -> Result<void> { return ctx.sleep(std::chrono::minutes(1)); };
  start_manager();
  Guarded<int> hung;
  image_ = [&](const Context& ctx, const PhaseUpdate&) -> Result<ReadyImage> {
    ++*hung.lock();
    TRY(hang(ctx));
    return fine_image();
  };
  apply({copy("image")});
  bell_.wait_until([&] { return *hung.lock() == 1; });
  apply({});
  wait_until_gone();

  image_ = [&](const Context&, const PhaseUpdate&) { return fine_image(); };
  auto fine_model = model_;
  model_ = [&](const Context& ctx) -> Result<ReadyModel> {
    ++*hung.lock();
    TRY(hang(ctx));
    return make_error(Code::kInternal, "not reached");
  };
  apply({copy("model")});
  bell_.wait_until([&] { return *hung.lock() == 2; });
  apply({});
  wait_until_gone();

  model_ = fine_model;
  containers_.lock()->start_hangs = true;
  apply({copy("start")});
  bell_.wait_until([&] { return !containers_.events().empty(); });
  apply({});
  wait_until_gone();

  containers_.lock()->start_hangs = false;
  *probe_.ping_answer.lock() = Code::kDeadlineExceeded;
  apply({copy("ping")});
  bell_.wait_until([&] { return containers_.events().size() == 2; });
  apply({});
  wait_until_gone();
  EXPECT_THAT(containers_.events(), ElementsAre("start start", "start ping", "remove ping"))
      << "what never was ready is not given time to finish";
}

TEST_F(Copies, a_failing_ping_makes_it_unhealthy_until_it_answers) {
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  *probe_.ping_answer.lock() = Code::kUnavailable;
  wait_for(CopyState::kUnhealthy);
  EXPECT_THAT(report().reason, HasSubstr("the fake's answer"));
  *probe_.ping_answer.lock() = std::nullopt;
  wait_for(CopyState::kReady);
  EXPECT_EQ(containers_.events().size(), 1u);
}

TEST_F(Copies, one_that_ends_after_it_was_ready_is_started_again) {
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  for (std::size_t round = 1; round <= 5; ++round) {
    containers_.exit("c1", 1);
    bell_.wait_until([&] { return containers_.events().size() == 2 * round + 1 && report().state == CopyState::kReady; });
  }
  EXPECT_EQ(report().crashes, 0u);
}

TEST_F(Copies, a_start_that_takes_too_long_fails) {
  auto slow = copy("c1");
  slow.probe.start_timeout = std::chrono::seconds(0);
  *probe_.ping_answer.lock() = Code::kFailedPrecondition;
  start_manager();
  apply({slow});
  wait_for(CopyState::kFailed);
  EXPECT_THAT(report().reason, HasSubstr("not ready within 0 s: GET /ping: the fake's answer"));
  EXPECT_THAT(containers_.events(), ElementsAre("start c1", "remove c1"));
}

TEST_F(Copies, the_next_manager_adopts_what_runs) {
  start_manager();
  apply({copy("c1"), copy("c2")});
  wait_for(CopyState::kReady, "c1");
  wait_for(CopyState::kReady, "c2");
  auto address = report("c2").address;
  manager_.reset();
  EXPECT_EQ(containers_.lock()->containers.size(), 2u) << "they run without a manager";

  containers_.exit("c1", 9);
  network_.attached.lock()->clear();
  start_manager();
  wait_for(CopyState::kReady, "c2");
  EXPECT_EQ(report("c2").address, address);
  bell_.wait_until([&] { return network_.attached.lock()->contains("c2"); });
  bell_.wait_until([&] { return containers_.events().size() == 3; });
  EXPECT_THAT(report("c1").reason, HasSubstr("exit code 9"));
  EXPECT_EQ(containers_.events().back(), "remove c1") << "not started again before it is desired";
  apply({copy("c1"), copy("c2")});
  wait_for(CopyState::kReady, "c1");
  EXPECT_THAT(containers_.events(), ElementsAre(testing::_, testing::_, "remove c1", "start c1"));
  containers_.exit("c2", 1);
  bell_.wait_until([&] { return containers_.events().size() == 6 && report("c2").state == CopyState::kReady; });
}

TEST_F(Copies, image_and_model_are_held_until_the_container_is_removed) {
  auto held = std::make_shared<int>(0);
  std::weak_ptr<int> seen = held;
  model_ = [held = std::move(held)](const Context&) mutable -> Result<ReadyModel> {
    return ReadyModel{.path = "/models/m", .identity = "ab", .phase = {}, .hold = std::exchange(held, nullptr)};
  };
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  EXPECT_FALSE(seen.expired());
  bool held_at_removal = false;
  containers_.lock()->at_removal = [&] { held_at_removal = !seen.expired(); };
  apply({});
  wait_until_gone();
  EXPECT_TRUE(held_at_removal);
  EXPECT_TRUE(seen.expired());
}

TEST_F(Copies, what_the_machine_has_lost_is_started_again_by_the_next_order) {
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  manager_.reset();
  containers_.lock()->containers.clear();
  start_manager();
  wait_for(CopyState::kPreparing);
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  EXPECT_THAT(containers_.events(), ElementsAre("start c1", "start c1"));
}

TEST_F(Copies, a_removal_that_was_begun_goes_on_and_strangers_go) {
  start_manager();
  apply({copy("c1")});
  wait_for(CopyState::kReady);
  manager_.reset();
  auto store = MUST(CopyStore::create(scratch_.path() + "/agent"));
  auto record = MUST(store->load()).at(0);
  record.stage = CopyStage::kStopping;
  MUST(store->save(record));
  containers_.lock()->containers["stranger"] = std::nullopt;
  start_manager();
  wait_until_gone();
  EXPECT_THAT(containers_.lock()->containers, IsEmpty());
}

TEST_F(Copies, one_more_than_there_are_addresses_waits_and_says_why) {
  start_manager();
  apply({copy("c1"), copy("c2"), copy("c3"), copy("c4"), copy("c5"), copy("../c6")});
  for (const char* id : {"c1", "c2", "c3", "c4"}) wait_for(CopyState::kReady, id);
  EXPECT_EQ(report("c5").state, CopyState::kPreparing) << "it waits";
  EXPECT_EQ(report("../c6").state, CopyState::kFailed);
  EXPECT_THAT(report("c5").reason, HasSubstr("no address left"));
  EXPECT_THAT(report("../c6").reason, HasSubstr("cannot be a copy's id"));
  apply({copy("c2"), copy("c5")});
  wait_for(CopyState::kReady, "c2");
  bell_.wait_until([&] { return manager_->reports().size() == 2; });
  wait_for(CopyState::kReady, "c5");
}

}  // namespace
}  // namespace zeropull::agent
