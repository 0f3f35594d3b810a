#include "artifact/layer_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zeropull::artifact {
namespace {

using codec::TarEntry;
using codec::TarType;
using testing::HasSubstr;

TarEntry entry(std::string path, TarType type = TarType::kRegular, std::string link = {}) {
  TarEntry made;
  made.type = type;
  made.type_flag = "01234567"[static_cast<int>(type)];
  made.path = std::move(path);
  made.link_target = std::move(link);
  made.mode = 0644;
  made.mtime = {1000, 5};
  return made;
}
TarEntry folder(std::string path) { return entry(std::move(path), TarType::kDirectory); }
TarEntry symlink(std::string path, std::string target) { return entry(std::move(path), TarType::kSymlink, std::move(target)); }
TarEntry hard_link(std::string path, std::string target) { return entry(std::move(path), TarType::kHardLink, std::move(target)); }
TarEntry with_xattr(TarEntry made, std::string name, std::string value) {
  made.xattrs.push_back({std::move(name), std::move(value)});
  return made;
}

// The last entry is refused with a message that has `what` in it; those before are fine.
void expect_refusal(const std::vector<TarEntry>& entries, std::string_view what) {
  LayerTree layer;
  for (std::size_t at = 0; at + 1 < entries.size(); ++at) {
    const auto result = layer.apply(entries[at], 0);
    ASSERT_TRUE(result.ok()) << entries[at].path << ": " << result.error().message();
  }
  const auto result = layer.apply(entries.back(), 0);
  ASSERT_FALSE(result.ok()) << entries.back().path;
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(result.error().message(), HasSubstr(what));
}

TEST(LayerTree, refuses_names_that_lead_out) {
  expect_refusal({entry("/etc/passwd")}, "absolute");
  expect_refusal({entry("//x")}, "absolute");
  expect_refusal({entry("../x")}, "\"..\"");
  expect_refusal({entry("a/../../x")}, "\"..\"");
  expect_refusal({entry("a/../b")}, "\"..\"");
  expect_refusal({folder("a"), folder("a/..")}, "\"..\"");
}

TEST(LayerTree, refuses_names_that_no_file_system_has) {
  expect_refusal({entry(std::string(256, 'x'))}, "name");
  expect_refusal({entry(std::string(256, 'x') + "/y")}, "name");
  expect_refusal({entry(".wh." + std::string(256, 'x'))}, "name");
  std::string deep;
  for (int at = 0; at < 20; ++at) deep += std::string(200, 'd') + "/";
  expect_refusal({symlink("l", deep), entry("l/" + deep + "x")}, "longer than");
}

TEST(LayerTree, refuses_parents_that_are_no_folders) {
  expect_refusal({entry("a"), entry("a/b")}, "no directory");
  expect_refusal({entry("a"), entry("a/b/c")}, "no directory");
  expect_refusal({entry(".wh.a"), entry("a/b")}, "no directory");
  expect_refusal({symlink("a", "b"), symlink("b", "a"), entry("a/x")}, "loop");
  expect_refusal({symlink("a", "a/b"), entry("a/x")}, "");
  expect_refusal({symlink("l", "f"), entry("f"), entry("l/x")}, "no directory");
}

TEST(LayerTree, refuses_hard_links_to_nothing) {
  expect_refusal({hard_link("a", "b")}, "a hard link to \"b\", which this layer does not have");
  expect_refusal({entry("a"), hard_link("a", "a")}, "which this layer does not have");
  expect_refusal({folder("a"), entry("a/b"), hard_link("a", "a/b")}, "which this layer does not have");
  expect_refusal({hard_link("a", "../../../etc/passwd")}, "which this layer does not have");
  expect_refusal({hard_link("a", "/etc/passwd")}, "which this layer does not have");
  expect_refusal({folder("d"), hard_link("a", "d")}, "directory");
  expect_refusal({hard_link("a", "")}, "directory");  // the root
  expect_refusal({entry("b"), hard_link("a", "b/c")}, "no directory");
}

TEST(LayerTree, refuses_whiteouts_of_no_name_and_of_its_own_files) {
  expect_refusal({entry(".wh.")}, "whiteout of no valid name");
  expect_refusal({entry("d/.wh..")}, "whiteout of no valid name");
  expect_refusal({entry("d/.wh...")}, "whiteout of no valid name");
  expect_refusal({entry("a"), entry(".wh.a")}, "has put there before");
  expect_refusal({folder("a"), entry(".wh.a")}, "has put there before");
  expect_refusal({entry(".wh.a"), entry(".wh.a")}, "has put there before");
}

TEST(LayerTree, refuses_types_and_targets_that_containerd_refuses) {
  auto unknown = entry("a", TarType::kUnsupported);
  unknown.type_flag = '7';
  expect_refusal({unknown}, "unhandled tar type '7'");
  expect_refusal({symlink("a", "")}, "target");
  expect_refusal({symlink("a", std::string(4096, 'x'))}, "target");
}

TEST(LayerTree, refuses_broken_capabilities_and_acls) {
  expect_refusal({with_xattr(entry("a"), "security.capability", "short")}, "capability");
  expect_refusal({with_xattr(entry("a"), "system.posix_acl_access", std::string("\2\0\0\0x", 5))}, "ACL");
  expect_refusal({with_xattr(entry("a"), "system.posix_acl_access", std::string("\2\0\0\0\1\0\7\0\xff\xff\xff\xff", 12))}, "ACL");
  const std::string minimal("\2\0\0\0\1\0\7\0\xff\xff\xff\xff\4\0\5\0\xff\xff\xff\xff\x20\0\5\0\xff\xff\xff\xff", 28);
  expect_refusal({with_xattr(entry("a"), "system.posix_acl_default", minimal)}, "no directory");
}

TEST(LayerTree, refuses_a_folder_that_is_gone_at_the_end) {
  LayerTree layer;
  for (const auto& made : {folder("a"), folder("a/b"), symlink("l", "a"), entry("a")}) MUST(layer.apply(made, 0));
  EXPECT_TRUE(layer.finish().failed_with(Code::kInvalidArgument));
}

TEST(LayerTree, ignores_the_root_and_keeps_content_of_files_alone) {
  LayerTree layer;
  for (const char* root : {"", ".", "./", "/", ".//."})
    EXPECT_EQ(MUST(layer.apply(folder(root), 0)), LayerTree::Content::kIgnore);
  EXPECT_EQ(layer.tree().node_count(), 1U);
  auto file = entry("f");
  file.size = 10;
  EXPECT_EQ(MUST(layer.apply(file, 4096)), LayerTree::Content::kKeep);
  const auto node = layer.tree().lookup(erofs::kRootNode, "f");
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(layer.tree().inode(*node).data.blob_offset, 4096U);
  file.path = ".wh.other";
  EXPECT_EQ(MUST(layer.apply(file, 8192)), LayerTree::Content::kIgnore);
  EXPECT_EQ(MUST(layer.apply(entry("empty"), 8192)), LayerTree::Content::kIgnore);
}

TEST(LayerTree, marks_folders_that_no_entry_named) {
  LayerTree layer;
  for (const auto& made :
       {entry("implicit/x"), folder("explicit"), entry("both/x"), folder("both"), entry("opaque/.wh..wh..opq")}) {
    MUST(layer.apply(made, 0));
  }
  const auto flags = [&](std::string_view name) { return layer.directory_flags(*layer.tree().lookup(erofs::kRootNode, name)); };
  EXPECT_EQ(flags("implicit"), kDirectoryImplicit);
  EXPECT_EQ(flags("explicit"), kDirectoryExplicit);
  EXPECT_EQ(flags("both"), kDirectoryImplicit | kDirectoryExplicit);
  EXPECT_EQ(flags("opaque"), kDirectoryImplicit | kDirectoryOpaque);
  for (const auto& made : {entry("opaque"), folder("opaque")}) MUST(layer.apply(made, 0));
  EXPECT_EQ(flags("opaque"), kDirectoryExplicit);  // a new folder
}

TEST(LayerTree, bounds_times_as_containerd) {
  LayerTree layer;
  const auto mtime = [&](codec::TarTime time) {
    auto file = entry("f");
    file.mtime = time;
    MUST(layer.apply(file, 0));
    return layer.tree().inode(*layer.tree().lookup(erofs::kRootNode, "f")).mtime;
  };
  EXPECT_EQ(mtime({-1, 999'999'999}), erofs::Time{});
  EXPECT_EQ(mtime({9'223'372'036, 854'775'807}), (erofs::Time{9'223'372'036, 854'775'807}));
  EXPECT_EQ(mtime({9'223'372'036, 854'775'808}), erofs::Time{});
}

}  // namespace
}  // namespace zeropull::artifact
