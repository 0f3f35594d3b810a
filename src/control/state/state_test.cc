#include "control/state/state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "control/state/memory_kv.h"
#include "control/state/sqlite_kv.h"
#include "os/file.h"

namespace zeropull::state {
namespace {

Endpoint endpoint(std::string account, std::string name, std::string uid) {
  Endpoint made;
  made.account = std::move(account), made.name = std::move(name), made.uid = std::move(uid);
  return made;
}
Copy copy(std::string id, std::string endpoint_uid, std::string component_uid, std::string instance_id) {
  Copy made;
  made.id = std::move(id), made.endpoint_uid = std::move(endpoint_uid);
  made.component_uid = std::move(component_uid), made.instance_id = std::move(instance_id);
  return made;
}

class StateTest : public testing::Test {
 protected:
  Context ctx = Context::root("test");
  bool disk_broken = false;
  std::unique_ptr<State> state = MUST(State::create(ctx, make_memory_kv([this]() -> Result<void> {
                                                      if (disk_broken) return make_error(Code::kDataLoss, "broken");
                                                      return {};
                                                    })));
  template <typename T>
  void add(T record) {
    Changes changes;
    changes.add(std::move(record));
    MUST(state->commit(ctx, std::move(changes)));
  }
};

TEST_F(StateTest, an_account_sees_its_own_names_alone) {
  add(endpoint("1", "a", "u1"));
  add(endpoint("12", "a", "u2"));
  EXPECT_EQ(state->view().endpoint({"1", "a"})->uid, "u1");
  EXPECT_EQ(state->view().endpoint({"12", "a"})->uid, "u2");
  EXPECT_EQ(state->view().endpoint({"2", "a"}), nullptr);
  EXPECT_EQ(state->view().endpoints("1").size(), 1u);
  EXPECT_EQ(state->view().endpoints().size(), 2u);
}

TEST_F(StateTest, an_endpoints_name_is_unique_in_any_case_and_found_in_its_own) {
  add(endpoint("1", "Llm", "u1"));
  EXPECT_EQ(state->view().endpoint({"1", "llm"}), nullptr);
  EXPECT_EQ(state->view().endpoint_in_any_case({"1", "llm"})->uid, "u1");
  Changes changes;
  changes.add(endpoint("1", "LLM", "u2"));
  EXPECT_TRUE(state->commit(ctx, std::move(changes)).failed_with(Code::kAborted));
}

TEST_F(StateTest, a_change_of_an_old_record_is_refused_whole) {
  add(endpoint("1", "a", "u1"));
  auto old = state->view().endpoint({"1", "a"});
  Changes first;
  first.put(old, Endpoint(*old));
  MUST(state->commit(ctx, std::move(first)));
  Changes second;
  second.remove(old);
  second.add(endpoint("1", "b", "u2"));
  auto answer = state->commit(ctx, std::move(second));
  EXPECT_TRUE(answer.failed_with(Code::kAborted));
  EXPECT_NE(answer.error().message().find("endpoint/1/a"), std::string::npos) << answer.error().message();
  EXPECT_NE(state->view().endpoint({"1", "a"}), nullptr);
  EXPECT_EQ(state->view().endpoint({"1", "b"}), nullptr);
}

TEST_F(StateTest, an_expected_record_that_changed_refuses_the_commit) {
  add(endpoint("1", "a", "u1"));
  auto old = state->view().endpoint({"1", "a"});
  Changes removal;
  removal.remove(old);
  MUST(state->commit(ctx, std::move(removal)));
  Changes changes;
  changes.expect(old);
  changes.add(copy("c-1", "u1", "k1", "i-1"));
  EXPECT_TRUE(state->commit(ctx, std::move(changes)).failed_with(Code::kAborted));
}

TEST_F(StateTest, indexes_follow_a_record_that_moves) {
  add(copy("c-1", "u1", "k1", "i-1"));
  add(copy("c-2", "u1", "k1", "i-2"));
  EXPECT_EQ(state->view().copies_of_component("k1").size(), 2u);
  auto moved = state->view().copy("c-1");
  Changes changes;
  changes.put(moved, copy("c-1", "u1", "k1", "i-2"));
  MUST(state->commit(ctx, std::move(changes)));
  EXPECT_TRUE(state->view().copies_of_instance("i-1").empty());
  EXPECT_EQ(state->view().copies_of_instance("i-2").size(), 2u);
  EXPECT_EQ(moved->instance_id, "i-1") << "what was read stays as it was";
  Changes removal;
  removal.remove(state->view().copy("c-1"));
  MUST(state->commit(ctx, std::move(removal)));
  EXPECT_EQ(state->view().copies_of_endpoint("u1").size(), 1u);
}

TEST_F(StateTest, what_the_disk_refused_is_not_visible) {
  disk_broken = true;
  Changes changes;
  changes.add(endpoint("1", "a", "u1"));
  EXPECT_TRUE(state->commit(ctx, std::move(changes)).failed_with(Code::kDataLoss));
  EXPECT_EQ(state->view().endpoint({"1", "a"}), nullptr);
}

TEST_F(StateTest, listeners_hear_of_a_change_when_it_is_visible) {
  std::vector<Changed> heard;
  auto subscription = state->subscribe([&](const std::vector<Changed>& changed) {
    heard.insert(heard.end(), changed.begin(), changed.end());
    EXPECT_EQ(state->view().copy("c-1") != nullptr, !changed[0].removed);
  });
  add(copy("c-1", "u1", "k1", "i-1"));
  Changes removal;
  removal.remove(state->view().copy("c-1"));
  MUST(state->commit(ctx, std::move(removal)));
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0].key, "copy/c-1");
  EXPECT_EQ(heard[1].endpoint_uid, "u1");
  EXPECT_TRUE(heard[1].removed);
  subscription.reset();
  add(copy("c-1", "u1", "k1", "i-1"));
  EXPECT_EQ(heard.size(), 2u);
}

TEST_F(StateTest, updates_of_one_record_by_many_threads_are_all_counted) {
  add(copy("c-1", "u1", "k1", "i-1"));
  constexpr int kThreads = 8, kTimes = 50;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < kTimes; ++i) {
          MUST(state->update(ctx, [](const View& view) -> Result<Changes> {
            auto was = view.copy("c-1");
            Copy next = *was;
            ++next.crashes;
            Changes changes;
            changes.put(was, std::move(next));
            return changes;
          }));
        }
      });
    }
  }
  EXPECT_EQ(state->view().copy("c-1")->crashes, kThreads * kTimes);
}

TEST_F(StateTest, an_update_that_fails_to_build_changes_nothing) {
  auto answer = state->update(ctx, [](const View&) -> Result<Changes> { return make_error(Code::kNotFound, "no"); });
  EXPECT_TRUE(answer.failed_with(Code::kNotFound));
}

TEST(StateOnDisk, all_records_are_there_after_a_restart) {
  auto ctx = Context::root("test");
  auto folder = MUST(os::ScratchFolder::create(testing::TempDir(), "state"));
  auto open = [&] { return MUST(State::create(ctx, MUST(open_sqlite_kv(folder.path() + "/state")))); };
  Revision revision = 0;
  {
    auto state = open();
    Changes changes;
    changes.add(endpoint("1", "a", "u1"));
    changes.add(copy("c-1", "u1", "k1", "i-1"));
    revision = MUST(state->commit(ctx, std::move(changes)));
  }
  auto state = open();
  EXPECT_EQ(state->view().endpoint_by_uid("u1")->revision, revision);
  EXPECT_EQ(state->view().copies_of_instance("i-1").size(), 1u);
}

TEST(StateOnDisk, a_record_that_cannot_be_read_stops_the_start_and_is_named) {
  auto ctx = Context::root("test");
  auto kv = make_memory_kv();
  MUST(kv->commit(ctx, {{}, {{"copy/c-1", "{}"}}}));
  auto answer = State::create(ctx, std::move(kv));
  ASSERT_TRUE(answer.failed_with(Code::kDataLoss));
  EXPECT_NE(answer.error().message().find("copy/c-1"), std::string::npos);
}

}  // namespace
}  // namespace zeropull::state
