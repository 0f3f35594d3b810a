#include "artifact/model_layout.h"

#include <gtest/gtest.h>

#include "artifact/limits.h"
#include "base/units.h"

namespace zeropull::artifact {
namespace {

origin::ModelListing listing_of(std::vector<std::pair<std::string, std::uint64_t>> files, bool ranged = true) {
  origin::ModelListing listing;
  for (auto& [path, size] : files)
    listing.files.push_back({.path = path, .size = size, .etag = "1", .md5 = {}, .sha256 = {}, .ranged = ranged});
  return listing;
}

// Every byte of every file is in exactly one piece, pieces lie in their runs, and runs are whole frames that follow one another.
void check_runs(const ModelLayout& layout) {
  std::vector<std::uint64_t> done(layout.files.size());
  std::uint64_t at = 0;
  for (const auto& run : layout.runs()) {
    EXPECT_EQ(run.begin, at);
    EXPECT_LT(run.begin, run.end);
    EXPECT_EQ(run.begin % kFrameSize, 0U);
    at = run.end;
    std::uint64_t place = run.begin;
    for (const auto& piece : run.pieces) {
      EXPECT_GE(piece.blob_offset, place);
      place = piece.blob_offset + piece.length;
      EXPECT_LE(place, run.end);
      EXPECT_EQ(piece.file_offset, done[piece.file]);
      EXPECT_EQ(piece.blob_offset, layout.offsets[piece.file] + piece.file_offset);
      done[piece.file] += piece.length;
      if (!layout.files[piece.file].ranged) {
        EXPECT_EQ(piece.length, layout.files[piece.file].size);
      }
    }
  }
  EXPECT_EQ(at, layout.blob_size);
  for (std::size_t i = 0; i < done.size(); ++i) EXPECT_EQ(done[i], layout.files[i].size) << layout.files[i].path;
}

TEST(ModelLayout, files_lie_by_path_on_block_boundaries) {
  auto layout = MUST(ModelLayout::create(listing_of({{"b", 5000}, {"a/c", 1}, {"a/b", 0}})));
  EXPECT_EQ(layout.files[0].path, "a/b");
  EXPECT_EQ(layout.offsets, (std::vector<std::uint64_t>{0, 0, 4096}));
  EXPECT_EQ(layout.blob_size, 4096U + 8192U);
  EXPECT_EQ(layout.files_size, 5001U);
}

TEST(ModelLayout, runs_cover_every_byte_once) {
  check_runs(MUST(ModelLayout::create(listing_of({{"a", 1}}))));
  check_runs(
      MUST(ModelLayout::create(listing_of({{"a", 3 * kOriginReadMax + 5000}, {"b", 7}, {"c", kOriginReadMax}, {"d", 0}}))));
  std::vector<std::pair<std::string, std::uint64_t>> many;
  for (int i = 0; i < 1000; ++i) many.emplace_back(fmt::format("{:04}", i), 3000 + i * 997 % 300'000);
  auto layout = MUST(ModelLayout::create(listing_of(many)));
  check_runs(layout);
  EXPECT_GT(layout.runs().size(), 40U);  // small files run side by side
}

TEST(ModelLayout, a_file_that_is_read_from_the_front_alone_is_never_cut) {
  check_runs(MUST(ModelLayout::create(
      listing_of({{"a", 3 * kOriginReadMax + 5000}, {"b", 2 * kOriginReadMax}, {"c", 7}, {"d", kOriginReadMax}}, false))));
}

TEST(ModelLayout, a_large_file_is_cut_for_many_connections) {
  const auto runs_of = [](std::uint64_t size) { return MUST(ModelLayout::create(listing_of({{"a", size}}))).runs().size(); };
  EXPECT_EQ(runs_of(8 * kOriginReadMin), 8U);
  EXPECT_EQ(runs_of(kOriginReads * 5 * kMiB), kOriginReads);
  EXPECT_EQ(runs_of(1000 * kOriginReadMax), 1000U);
}

TEST(ModelLayout, names_that_no_folder_can_hold_are_refused) {
  for (const char* bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", ".wh.a", "a/.wh..wh..opq"}) {
    auto layout = ModelLayout::create(listing_of({{bad, 1}}));
    EXPECT_TRUE(layout.failed_with(Code::kInvalidArgument)) << bad;
  }
  EXPECT_TRUE(ModelLayout::create(listing_of({{std::string(256, 'a'), 1}})).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(ModelLayout::create(listing_of({{std::string("a\0b", 3), 1}})).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(ModelLayout::create(listing_of({{"a", 1}, {"a-", 1}, {"a/b", 1}})).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(ModelLayout::create(listing_of({{"a", 1}, {"a", 1}})).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(ModelLayout::create(listing_of({})).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(ModelLayout::create(listing_of({{"a", UINT64_MAX}, {"b", 2}})).failed_with(Code::kInvalidArgument));
}

TEST(ModelLayout, the_tree_is_roots_and_of_1970) {
  auto tree = MUST(MUST(ModelLayout::create(listing_of({{"a/b/c", 10}, {"d", 3}}))).tree());
  auto a = tree.tree().inode(*tree.tree().lookup(erofs::kRootNode, "a"));
  EXPECT_EQ(a.mode, S_IFDIR | 0755);
  auto d = tree.tree().inode(*tree.tree().lookup(erofs::kRootNode, "d"));
  EXPECT_EQ(d.mode, S_IFREG | 0644);
  EXPECT_EQ(d.uid, 0U);
  EXPECT_EQ(d.mtime, erofs::Time{});
}

}  // namespace
}  // namespace zeropull::artifact
