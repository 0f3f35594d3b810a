// The contract of Kv, for each implementation; and what only the one on a disk can show.
#include "control/state/kv.h"

#include <gtest/gtest.h>

#include "base/context.h"
#include "control/state/memory_kv.h"
#include "control/state/sqlite_kv.h"
#include "os/file.h"

namespace zeropull::state {
namespace {

struct Implementation {
  const char* name;
  std::unique_ptr<Kv> (*make)(const std::string& folder);
};

class KvContract : public testing::TestWithParam<Implementation> {
 protected:
  Context ctx = Context::root("test");
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(testing::TempDir(), "kv"));
  std::unique_ptr<Kv> kv = GetParam().make(folder.path());

  Revision put(const std::string& key, const std::string& value) { return MUST(kv->commit(ctx, {{}, {{key, value}}})); }
};

TEST_P(KvContract, a_missing_key_is_nothing) { EXPECT_FALSE(MUST(kv->get(ctx, "a")).has_value()); }

TEST_P(KvContract, a_value_carries_the_revision_that_wrote_it) {
  auto first = put("a", "1");
  auto second = put("b", "2");
  EXPECT_GT(first, 0);
  EXPECT_GT(second, first);
  EXPECT_EQ(MUST(kv->get(ctx, "a"))->revision, first);
  EXPECT_EQ(MUST(kv->get(ctx, "b"))->value, "2");
}

TEST_P(KvContract, a_condition_that_does_not_hold_writes_nothing) {
  auto first = put("a", "1");
  put("a", "2");
  auto answer = kv->commit(ctx, {{{"a", first}}, {{"a", "3"}, {"b", "3"}}});
  EXPECT_TRUE(answer.failed_with(Code::kAborted));
  EXPECT_EQ(MUST(kv->get(ctx, "a"))->value, "2");
  EXPECT_FALSE(MUST(kv->get(ctx, "b")).has_value());
}

TEST_P(KvContract, revision_zero_asks_for_absence) {
  EXPECT_TRUE(kv->commit(ctx, {{{"a", 0}}, {{"a", "1"}}}).ok());
  EXPECT_TRUE(kv->commit(ctx, {{{"a", 0}}, {{"a", "2"}}}).failed_with(Code::kAborted));
}

TEST_P(KvContract, a_removed_key_is_absent_and_its_revision_never_returns) {
  auto first = put("a", "1");
  MUST(kv->commit(ctx, {{{"a", first}}, {{"a", std::nullopt}}}));
  EXPECT_FALSE(MUST(kv->get(ctx, "a")).has_value());
  EXPECT_GT(put("a", "2"), first);
}

TEST_P(KvContract, a_list_has_the_keys_below_a_prefix_in_order) {
  for (const auto* key : {"b/2", "a/9", "b/10", "b", "c/1", "b/1"}) put(key, key);
  std::vector<std::string> keys;
  for (const auto& row : MUST(kv->list(ctx, "b/"))) keys.push_back(row.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"b/1", "b/10", "b/2"}));
  EXPECT_EQ(MUST(kv->list(ctx, "")).size(), 6u);
}

TEST_P(KvContract, values_hold_any_bytes) {
  std::string value("a\0b\xff", 4);
  put("a", value);
  EXPECT_EQ(MUST(kv->get(ctx, "a"))->value, value);
}

TEST_P(KvContract, a_context_that_has_ended_is_refused) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(kv->commit(Context::root("test", stop.get_token()), {{}, {{"a", "1"}}}).failed_with(Code::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(
    All, KvContract,
    testing::Values(Implementation{"memory", [](const std::string&) { return make_memory_kv(); }},
                    Implementation{"sqlite", [](const std::string& path) { return MUST(open_sqlite_kv(path + "/kv")); }}),
    [](const auto& tested) { return tested.param.name; });

class SqliteKv : public testing::Test {
 protected:
  Context ctx = Context::root("test");
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(testing::TempDir(), "kv"));
  const std::string path = folder.path() + "/kv";

  // Whether any file of the folder holds these bytes.
  bool on_disk(const std::string& bytes) {
    for (const auto& name : MUST(os::list_folder(folder.path()))) {
      if (MUST(os::read_text(folder.path() + "/" + name, 1 << 30)).find(bytes) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(SqliteKv, what_was_committed_is_there_when_it_is_opened_again) {
  auto revision = MUST(MUST(open_sqlite_kv(path))->commit(ctx, {{}, {{"a", "1"}}}));
  auto again = MUST(open_sqlite_kv(path));
  EXPECT_EQ(MUST(again->get(ctx, "a"))->revision, revision);
  EXPECT_GT(MUST(again->commit(ctx, {{}, {{"b", "1"}}})), revision);
}

TEST_F(SqliteKv, one_file_has_one_owner) {
  auto first = MUST(open_sqlite_kv(path));
  EXPECT_TRUE(open_sqlite_kv(path).failed_with(Code::kFailedPrecondition));
}

TEST_F(SqliteKv, a_file_that_is_not_a_database_is_refused) {
  MUST(os::create_file(path, as_bytes(std::string(8192, 'x'))));
  EXPECT_TRUE(open_sqlite_kv(path).failed_with(Code::kDataLoss));
}

// Rows of many sizes come, grow, shrink and go, so that pages split, merge and overflow; one marker is removed at each end.
TEST_F(SqliteKv, a_scrub_leaves_no_byte_of_what_was_removed_or_replaced) {
  auto kv = MUST(open_sqlite_kv(path));
  const std::string marker = "wrapped-key-of-an-endpoint";
  for (std::size_t round = 0; round < 40; ++round) {
    Transaction writes;
    for (std::size_t i = 0; i < 20; ++i) {
      auto length = (round * 977 + i * 613) % 9000;
      writes.writes.push_back({fmt::format("row/{}", (round * 7 + i * 13) % 97), std::string(length, 'v') + marker});
    }
    MUST(kv->commit(ctx, writes));
  }
  EXPECT_TRUE(on_disk(marker));
  Transaction removal;
  for (const auto& row : MUST(kv->list(ctx, "row/"))) {
    bool odd = row.key.back() % 2 == 1;
    removal.writes.push_back({row.key, odd ? std::nullopt : std::optional(std::string(row.value.size() / 2, 'w'))});
  }
  MUST(kv->commit(ctx, removal));
  MUST(kv->scrub(ctx));
  EXPECT_FALSE(on_disk(marker));
  EXPECT_FALSE(MUST(kv->list(ctx, "row/")).empty());
}

}  // namespace
}  // namespace zeropull::state
