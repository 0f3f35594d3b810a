#include "os/merged_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "os/mount.h"

namespace zeropull::os {
namespace {

std::string text_of(const UniqueFd& root, const std::string& name) {
  auto file = MUST(open_at(root, name, O_RDONLY, Resolve::kInRoot));
  Bytes bytes(100);
  bytes.resize(MUST(read_some(file.get(), bytes)));
  return std::string(as_text(bytes));
}

TEST(MergedView, shows_the_topmost_file_and_leaves_neither_mount_nor_folder) {
  auto scratch = MUST(ScratchFolder::create("/var/tmp", "zp-view-test-"));
  std::vector<std::string> folders;
  for (int i = 0; i < 200; ++i) {
    folders.push_back(fmt::format("{}/a-folder-with-a-longer-name-and,a:colon-{:03}", scratch.path(), i));
    MUST(ensure_folder(folders.back()));
    MUST(replace_file(folders.back() + "/same", as_bytes(fmt::format("{}", i))));
  }
  MUST(replace_file(folders.back() + "/lowest", as_bytes("below")));
  auto before = MUST(list_mounts()).size();
  MUST(ensure_folder(scratch.path() + "/points"));
  {
    auto view = MUST(open_merged_view(folders, scratch.path() + "/points"));
    EXPECT_EQ(text_of(view, "same"), "0");
    EXPECT_EQ(text_of(view, "lowest"), "below");
    EXPECT_TRUE(open_at(view, "new", O_WRONLY | O_CREAT, Resolve::kInRoot).failed_with(Code::kPermissionDenied));
    EXPECT_EQ(MUST(list_mounts()).size(), before);
  }
  EXPECT_TRUE(MUST(list_folder(scratch.path() + "/points")).empty());
}

TEST(MergedView, a_single_folder_needs_no_mount) {
  auto scratch = MUST(ScratchFolder::create("/var/tmp", "zp-view-test-"));
  MUST(replace_file(scratch.path() + "/file", as_bytes("x")));
  auto view = MUST(open_merged_view({scratch.path()}, "/nonexistent"));
  EXPECT_EQ(text_of(view, "file"), "x");
}

TEST(MergedView, an_absent_folder_is_named) {
  auto view = open_merged_view({"/nonexistent/lower"}, "/var/tmp");
  ASSERT_TRUE(view.failed_with(Code::kNotFound));
  EXPECT_NE(view.error().message().find("/nonexistent/lower"), std::string::npos);
}

}  // namespace
}  // namespace zeropull::os
