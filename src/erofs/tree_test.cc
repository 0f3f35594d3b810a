#include "erofs/tree.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>

namespace zeropull::erofs {
namespace {

const Inode kFile{.mode = S_IFREG | 0644};
const Inode kDirectory{.mode = S_IFDIR | 0755};

std::set<std::string> names(const Tree& tree, NodeId directory) {
  std::set<std::string> names;
  for (auto [name, node, entry] : tree.children(directory)) names.emplace(name);
  return names;
}

bool refused(const Inode& inode) { return check_inode(inode).failed_with(Code::kInvalidArgument); }

TEST(Tree, starts_as_an_empty_root) {
  const Tree tree;
  EXPECT_TRUE(tree.is_directory(kRootNode));
  EXPECT_EQ(tree.inode(kRootNode).mode, S_IFDIR | 0755);
  EXPECT_EQ(tree.link_count(kRootNode), 2u);
  EXPECT_EQ(tree.parent(kRootNode), kRootNode);
  EXPECT_EQ(tree.node_count(), 1u);
  EXPECT_TRUE(names(tree, kRootNode).empty());
}

TEST(Tree, gives_back_what_was_inserted) {
  Tree tree;
  const std::array xattrs{Xattr{"user.b", "2"}, Xattr{"user.a", std::string_view("\0x", 2)}};
  const std::array extents{Extent{0, 4096, 8192}, Extent{8192, 10, 0}};
  const XattrSetId set = MUST(tree.intern_xattrs(xattrs));
  const NodeId file = MUST(tree.insert(kRootNode, "file",
                                       {.mode = S_IFREG | 04711,
                                        .uid = 70000,
                                        .gid = UINT32_MAX,
                                        .mtime = {1LL << 33, 999'999'999},
                                        .xattrs = set,
                                        .size = 8202,
                                        .data = {.device = kDevicesMax, .extents = extents}}));
  const Inode inode = tree.inode(file);
  EXPECT_EQ(inode.mode, S_IFREG | 04711);
  EXPECT_EQ(inode.uid, 70000u);
  EXPECT_EQ(inode.gid, UINT32_MAX);
  EXPECT_EQ(inode.mtime, (Time{1LL << 33, 999'999'999}));
  EXPECT_EQ(inode.size, 8202u);
  EXPECT_EQ(inode.data.device, kDevicesMax);
  EXPECT_TRUE(std::equal(extents.begin(), extents.end(), inode.data.extents.begin(), inode.data.extents.end()));
  EXPECT_EQ(tree.xattrs(inode.xattrs), (std::vector<Xattr>{xattrs[1], xattrs[0]}));

  const NodeId flat =
      MUST(tree.insert(kRootNode, "flat", {.mode = S_IFREG, .size = 1, .data = {.device = 3, .blob_offset = 1 << 20}}));
  EXPECT_EQ(tree.inode(flat).data.device, 3);
  EXPECT_EQ(tree.inode(flat).data.blob_offset, 1u << 20);
  EXPECT_TRUE(tree.inode(flat).data.extents.empty());
  const NodeId link = MUST(tree.insert(kRootNode, "link", {.mode = S_IFLNK | 0777, .target = "../x"}));
  EXPECT_EQ(tree.inode(link).target, "../x");
  const NodeId device = MUST(tree.insert(kRootNode, "device", {.mode = S_IFBLK, .rdev = {kMajorMax, kMinorMax}}));
  EXPECT_EQ(tree.inode(device).rdev, (DeviceNumber{kMajorMax, kMinorMax}));
  EXPECT_EQ(tree.lookup(kRootNode, "device"), device);
  EXPECT_EQ(tree.lookup(kRootNode, "devic"), std::nullopt);
}

TEST(Tree, directory_over_directory_keeps_the_children) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "d", kDirectory));
  MUST(tree.insert(directory, "child", kFile));
  EXPECT_EQ(MUST(tree.insert(kRootNode, "d", {.mode = S_IFDIR | 0700, .uid = 9})), directory);
  EXPECT_EQ(tree.inode(directory).mode, S_IFDIR | 0700);
  EXPECT_EQ(tree.inode(directory).uid, 9u);
  EXPECT_EQ(names(tree, directory), std::set<std::string>{"child"});
  EXPECT_EQ(tree.link_count(kRootNode), 3u);
}

TEST(Tree, anything_else_replaces_the_whole_subtree) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "x", kDirectory));
  const NodeId inner = MUST(tree.insert(directory, "y", kDirectory));
  MUST(tree.insert(inner, "z", kFile));
  MUST(tree.insert(kRootNode, "x", kFile));
  EXPECT_EQ(tree.node_count(), 2u);
  EXPECT_EQ(tree.link_count(kRootNode), 2u);
  const NodeId again = MUST(tree.insert(kRootNode, "x", kDirectory));
  EXPECT_EQ(tree.lookup(again, "y"), std::nullopt) << "the old subtree came back";
  EXPECT_TRUE(names(tree, again).empty());
  EXPECT_EQ(tree.node_count(), 2u);
}

TEST(Tree, an_inode_lives_until_its_last_name_goes) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "d", kDirectory));
  const NodeId file = MUST(tree.insert(directory, "a", {.mode = S_IFREG | 0600}));
  MUST(tree.link(kRootNode, "b", file));
  MUST(tree.link(kRootNode, "b", file));  // over itself: nothing changes
  EXPECT_EQ(tree.link_count(file), 2u);
  EXPECT_TRUE(tree.remove(kRootNode, "d"));
  EXPECT_EQ(tree.link_count(file), 1u);
  EXPECT_EQ(tree.inode(file).mode, S_IFREG | 0600);
  MUST(tree.link(kRootNode, "b", file));  // over its only name
  EXPECT_EQ(tree.link_count(file), 1u);
  EXPECT_EQ(tree.lookup(kRootNode, "b"), file);
  EXPECT_TRUE(tree.remove(kRootNode, "b"));
  EXPECT_FALSE(tree.remove(kRootNode, "b"));
  EXPECT_EQ(tree.node_count(), 1u);
}

TEST(Tree, a_link_replaces_the_directory_that_held_another_name_of_it) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "d", kDirectory));
  const NodeId file = MUST(tree.insert(directory, "a", kFile));
  MUST(tree.link(kRootNode, "d", file));
  EXPECT_EQ(tree.lookup(kRootNode, "d"), file);
  EXPECT_EQ(tree.link_count(file), 1u);
  EXPECT_EQ(tree.node_count(), 2u);
}

TEST(Tree, a_directory_has_one_name) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "d", kDirectory));
  MUST(tree.insert(kRootNode, "x", kFile));
  EXPECT_TRUE(tree.link(kRootNode, "x", directory).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(tree.link(directory, "x", kRootNode).failed_with(Code::kInvalidArgument));
  EXPECT_EQ(names(tree, kRootNode), (std::set<std::string>{"d", "x"}));
}

TEST(Tree, remove_children_empties_a_directory_and_nothing_else) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "d", kDirectory));
  for (int i = 0; i < 100; ++i) MUST(tree.insert(directory, fmt::format("{}", i), i % 2 == 0 ? kFile : kDirectory));
  MUST(tree.insert(kRootNode, "1", kFile));
  tree.remove_children(directory);
  EXPECT_TRUE(names(tree, directory).empty());
  EXPECT_EQ(tree.link_count(directory), 2u);
  EXPECT_EQ(names(tree, kRootNode), (std::set<std::string>{"1", "d"}));
}

TEST(Tree, agrees_with_a_map_under_random_changes) {
  Tree tree;
  std::map<std::string, NodeId> model;
  std::uint64_t state = 1;  // a fixed sequence (Knuth's MMIX generator)
  auto next = [&](std::uint64_t below) {
    return (state = state * 6364136223846793005 + 1442695040888963407, (state >> 33) % below);
  };
  for (int step = 0; step < 50'000; ++step) {
    const std::string name = fmt::format("{}", next(3000));
    if (next(2) == 0) {
      EXPECT_EQ(tree.remove(kRootNode, name), model.erase(name) == 1);
    } else {
      model[name] = MUST(tree.insert(kRootNode, name, kFile));
    }
  }
  ASSERT_EQ(tree.node_count(), model.size() + 1);
  for (int i = 0; i < 3000; ++i) {
    const std::string name = fmt::format("{}", i);
    const auto at = model.find(name);
    EXPECT_EQ(tree.lookup(kRootNode, name), at == model.end() ? std::nullopt : std::optional(at->second));
  }
  EXPECT_EQ(names(tree, kRootNode).size(), model.size());
}

TEST(Tree, removes_a_path_of_any_depth) {
  Tree tree;
  NodeId at = kRootNode;
  for (int depth = 0; depth < 200'000; ++depth) at = MUST(tree.insert(at, "d", kDirectory));
  EXPECT_TRUE(tree.remove(kRootNode, "d"));
  EXPECT_EQ(tree.node_count(), 1u);
}

TEST(Tree, refuses_names_that_are_none_and_stays_unchanged) {
  Tree tree;
  for (std::string_view name : {std::string_view(""), std::string_view("."), std::string_view(".."), std::string_view("a/b"),
                                std::string_view("a\0b", 3)}) {
    EXPECT_TRUE(tree.insert(kRootNode, name, kFile).failed_with(Code::kInvalidArgument)) << name;
  }
  EXPECT_TRUE(tree.insert(kRootNode, std::string(256, 'x'), kFile).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(tree.insert(kRootNode, "x", {.mode = 0644}).failed_with(Code::kInvalidArgument));
  EXPECT_EQ(tree.node_count(), 1u);
  MUST(tree.insert(kRootNode, std::string(255, 'x'), kFile));
}

TEST(Tree, keeps_an_equal_set_of_xattrs_once) {
  Tree tree;
  const std::array one{Xattr{"user.a", "1"}, Xattr{"user.b", "2"}};
  const std::array other{one[1], one[0]};
  const XattrSetId id = MUST(tree.intern_xattrs(one));
  EXPECT_EQ(MUST(tree.intern_xattrs(other)), id);
  EXPECT_NE(MUST(tree.intern_xattrs(std::span(one).first(1))), id);
  EXPECT_EQ(MUST(tree.intern_xattrs({})), kNoXattrs);
}

TEST(Tree, refuses_xattrs_that_erofs_cannot_hold) {
  Tree tree;
  auto refuses = [&](std::string_view name, std::string_view value) {
    return tree.intern_xattrs(std::array{Xattr{name, value}}).failed_with(Code::kInvalidArgument);
  };
  for (std::string_view name :
       {"user.", "security.", "trusted.", "system.other", "system.posix_acl_access2", "btrfs.x", "user", ""}) {
    EXPECT_TRUE(refuses(name, "")) << name;
    EXPECT_FALSE(xattr_name_supported(name)) << name;
  }
  EXPECT_FALSE(refuses("system.posix_acl_default", ""));
  EXPECT_TRUE(refuses("user." + std::string(251, 'x'), ""));
  EXPECT_TRUE(refuses("user.x", std::string(65536, 'x')));
  EXPECT_FALSE(refuses("user." + std::string(250, 'x'), std::string(65535, 'x')));
  const std::array twice{Xattr{"user.a", "1"}, Xattr{"user.a", "2"}};
  EXPECT_TRUE(tree.intern_xattrs(twice).failed_with(Code::kInvalidArgument));
}

TEST(Inode, refuses_fields_out_of_range_or_of_another_type) {
  EXPECT_TRUE(refused({.mode = S_IFREG, .mtime = {-1, 0}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .mtime = {0, 1'000'000'000}}));
  EXPECT_TRUE(refused({.mode = S_IFDIR, .size = 1}));
  EXPECT_TRUE(refused({.mode = S_IFLNK}));
  EXPECT_TRUE(refused({.mode = S_IFLNK, .target = std::string_view("a\0b", 3)}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .target = "x"}));
  EXPECT_TRUE(refused({.mode = S_IFIFO, .rdev = {1, 1}}));
  EXPECT_TRUE(refused({.mode = S_IFCHR, .rdev = {kMajorMax + 1, 0}}));
  EXPECT_TRUE(refused({.mode = S_IFCHR, .rdev = {0, kMinorMax + 1}}));
  const std::string target(4096, 'x');
  EXPECT_TRUE(refused({.mode = S_IFLNK, .target = target}));
}

TEST(Inode, refuses_data_that_are_not_at_a_block_of_a_device) {
  EXPECT_FALSE(refused({.mode = S_IFREG, .size = 5, .data = {.device = 1, .blob_offset = 4096}}));
  EXPECT_FALSE(refused({.mode = S_IFREG, .size = 5}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = 5, .data = {.device = 1, .blob_offset = 4097}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = 5, .data = {.device = 0, .blob_offset = 4096}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = 0, .data = {.device = 1}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = 5, .data = {.device = kDevicesMax + 1}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = kDeviceSizeMax, .data = {.device = 1, .blob_offset = 4096}}));
  EXPECT_TRUE(refused({.mode = S_IFREG, .size = UINT64_MAX}));
}

TEST(Inode, sparse_extents_are_whole_ascending_chunks) {
  auto sparse_refused = [](std::uint64_t size, std::vector<Extent> extents) {
    return refused({.mode = S_IFREG, .size = size, .data = {.device = 1, .extents = extents}});
  };
  EXPECT_FALSE(sparse_refused(10000, {{0, 4096, 0}, {8192, 1808, 4096}}));
  EXPECT_TRUE(sparse_refused(10000, {{8192, 1808, 4096}, {0, 4096, 0}}));  // descends
  EXPECT_TRUE(sparse_refused(10000, {{0, 8192, 0}, {4096, 4096, 8192}}));  // overlaps
  EXPECT_TRUE(sparse_refused(10000, {{0, 4095, 0}}));                      // ends within a chunk
  EXPECT_TRUE(sparse_refused(10000, {{1, 4096, 0}}));                      // begins within a chunk
  EXPECT_TRUE(sparse_refused(10000, {{8192, 4096, 0}}));                   // passes the end
  EXPECT_TRUE(sparse_refused(10000, {{0, 0, 0}}));
  EXPECT_TRUE(sparse_refused(10000, {{4096, UINT64_MAX - 4095, 0}}));
  EXPECT_TRUE(sparse_refused(10000, {{0, 4096, 100}}));
  EXPECT_TRUE(sparse_refused(10000, {{0, 4096, UINT64_MAX & ~4095ULL}}));
  EXPECT_TRUE(sparse_refused(512 << 20, {{4096, 8192, 0}}));  // chunks are of 8 KiB there
}

TEST(SparseChunkSize, doubles_until_65536_chunks_make_the_file) {
  EXPECT_EQ(sparse_chunk_size(0), 4096u);
  EXPECT_EQ(sparse_chunk_size(256 << 20), 4096u);
  EXPECT_EQ(sparse_chunk_size((256 << 20) + 1), 8192u);
  EXPECT_EQ(sparse_chunk_size(1ULL << 40), 1u << 24);
}

}  // namespace
}  // namespace zeropull::erofs
