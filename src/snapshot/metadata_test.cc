#include "snapshot/metadata.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "snapshot/limits.h"

namespace zeropull::snapshot {
namespace {

constexpr WallTime kNow{std::chrono::nanoseconds(1'700'000'000'123'456'789)};

ChainId numbered_chain(unsigned char number) {
  ChainId id;
  id.value.bytes[0] = std::byte{number};
  return id;
}

struct MetadataTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-metadata-test-"));
  std::string path = folder.path() + "/snapshots.db";
  Metadata metadata = MUST(Metadata::open(path));

  std::int64_t insert(std::string name, std::optional<std::int64_t> parent = {}, std::optional<ChainId> chain_id = {}) {
    return MUST(metadata.insert({.kind = Kind::kCommitted,
                                 .name = std::move(name),
                                 .parent_id = parent,
                                 .chain_id = chain_id,
                                 .labels = {{"l", "v"}, {"empty", ""}},
                                 .usage = {.size = 1, .inodes = 2},
                                 .now = kNow}));
  }
};

TEST_F(MetadataTest, a_row_comes_back_as_it_went_in_also_after_reopening) {
  auto base = insert("base");
  insert(std::string("odd\0'name", 9), base, numbered_chain(1));
  metadata.close();
  metadata = MUST(Metadata::open(path));
  auto row = MUST(metadata.get(std::string("odd\0'name", 9)));
  EXPECT_EQ(row.info.kind, Kind::kCommitted);
  EXPECT_EQ(row.info.parent, "base");
  EXPECT_EQ(row.parent_id, base);
  EXPECT_EQ(row.chain_id, numbered_chain(1));
  EXPECT_EQ(row.info.created, kNow);
  EXPECT_EQ(row.info.updated, kNow);
  EXPECT_EQ(row.usage.size, 1u);
  EXPECT_EQ(row.usage.inodes, 2u);
  EXPECT_EQ(row.info.labels, (Labels{{"l", "v"}}));  // an empty value is no label
}

TEST_F(MetadataTest, names_are_unique_and_numbers_never_come_back) {
  auto first = insert("a");
  auto again = metadata.insert(
      {.kind = Kind::kActive, .name = "a", .parent_id = {}, .chain_id = {}, .labels = {}, .usage = {}, .now = kNow});
  EXPECT_TRUE(again.failed_with(Code::kAlreadyExists));
  MUST(metadata.remove(first));
  EXPECT_GT(insert("a"), first);
}

TEST_F(MetadataTest, a_parent_outlives_its_children) {
  auto parent = insert("parent");
  auto child = insert("child", parent);
  EXPECT_TRUE(metadata.remove(parent).failed_with(Code::kFailedPrecondition));
  MUST(metadata.remove(child));
  MUST(metadata.remove(parent));
  EXPECT_TRUE(metadata.get("parent").failed_with(Code::kNotFound));
}

TEST_F(MetadataTest, one_cached_row_for_a_chain_and_parent) {
  auto a = insert("a");
  auto b = insert("b");
  insert("a1", a, numbered_chain(1));
  insert("b1", b, numbered_chain(1));
  insert("1", {}, numbered_chain(1));
  EXPECT_EQ(MUST(metadata.find_cached(numbered_chain(1), a)), "a1");
  EXPECT_EQ(MUST(metadata.find_cached(numbered_chain(1), {})), "1");
  EXPECT_EQ(MUST(metadata.find_cached(numbered_chain(2), {})), std::nullopt);
  NewRow again{.kind = Kind::kCommitted,
               .name = "again",
               .parent_id = {},
               .chain_id = numbered_chain(1),
               .labels = {},
               .usage = {},
               .now = kNow};
  EXPECT_TRUE(metadata.insert(again).failed_with(Code::kAlreadyExists));
  EXPECT_EQ(MUST(metadata.chains()), std::vector<ChainId>{numbered_chain(1)});
}

TEST_F(MetadataTest, all_lists_cached_rows_first) {
  insert("ordinary");
  insert("cached", {}, numbered_chain(1));
  auto rows = MUST(metadata.all());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].info.name, "cached");
  EXPECT_EQ(rows[1].info.labels, (Labels{{"l", "v"}}));
}

TEST_F(MetadataTest, ancestry_goes_from_the_row_down_and_has_a_limit) {
  std::optional<std::int64_t> parent;
  for (std::size_t depth = 0; depth < kAncestorsMax; ++depth) parent = insert(std::to_string(depth), parent);
  auto ancestors = MUST(metadata.ancestry(*parent));
  ASSERT_EQ(ancestors.size(), kAncestorsMax);
  EXPECT_EQ(ancestors.front().id, *parent);
  parent = insert("one more", parent);
  EXPECT_TRUE(metadata.ancestry(*parent).failed_with(Code::kOutOfRange));
}

TEST_F(MetadataTest, a_transaction_that_is_not_committed_never_was) {
  {
    auto transaction = MUST(metadata.begin());
    insert("gone");
  }
  EXPECT_EQ(MUST(metadata.find("gone")), std::nullopt);
}

TEST_F(MetadataTest, a_closed_one_answers_unavailable) {
  metadata.close();
  metadata.close();
  EXPECT_TRUE(metadata.find("a").failed_with(Code::kUnavailable));
  EXPECT_TRUE(metadata.begin().failed_with(Code::kUnavailable));
}

TEST_F(MetadataTest, is_opened_by_one_at_a_time_and_refuses_what_it_does_not_know) {
  EXPECT_TRUE(Metadata::open(path).failed_with(Code::kFailedPrecondition));
  metadata.close();
  {
    auto database = MUST(sqlite::Database::open(path));
    MUST(database.execute("PRAGMA user_version = 2"));
  }
  EXPECT_TRUE(Metadata::open(path).failed_with(Code::kFailedPrecondition));
  MUST(os::replace_file(path, as_bytes(std::string(8192, 'x'))));
  EXPECT_TRUE(Metadata::open(path).failed_with(Code::kDataLoss));
}

}  // namespace
}  // namespace zeropull::snapshot
