#include "os/tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace zeropull::os {
namespace {

struct TreeTest : testing::Test {
  ScratchFolder folder = MUST(ScratchFolder::create("/tmp", "zp-tree-test-"));
  Context ctx = Context::root("test");
  std::string path(std::string_view name) { return fmt::format("{}/{}", folder.path(), name); }
};

TEST_F(TreeTest, disk_usage_counts_links_once_and_no_holes) {
  MUST(ensure_folder(path("t/deep")));
  auto empty = MUST(disk_usage(ctx, path("t")));
  EXPECT_EQ(empty.inodes, 2u);
  MUST(replace_file(path("t/deep/file"), Bytes(64 * 1024, std::byte{1})));
  ASSERT_EQ(link(path("t/deep/file").c_str(), path("t/again").c_str()), 0);
  auto sparse = MUST(open_file(path("t/sparse"), O_RDWR | O_CREAT));
  ASSERT_EQ(ftruncate(sparse.get(), 1 << 30), 0);
  ASSERT_EQ(symlink("/", path("t/link").c_str()), 0);
  auto usage = MUST(disk_usage(ctx, path("t")));
  EXPECT_EQ(usage.inodes, 5u);  // two folders, the linked file once, the sparse one, the symlink itself
  EXPECT_GE(usage.bytes - empty.bytes, 64u * 1024);
  EXPECT_LT(usage.bytes - empty.bytes, 1u << 20);
}

TEST_F(TreeTest, disk_usage_stops_with_its_context) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(disk_usage(Context::root("test", stop.get_token()), folder.path()).failed_with(Code::kCancelled));
  EXPECT_TRUE(disk_usage(ctx, path("absent")).failed_with(Code::kNotFound));
}

TEST_F(TreeTest, make_folder_has_its_mode_whatever_the_umask) {
  mode_t before = umask(0777);
  auto made = make_folder(path("a"), 0755);
  umask(before);
  MUST(std::move(made));
  EXPECT_EQ(MUST(stat_path(path("a"))).st_mode & 07777, 0755u);
  EXPECT_TRUE(make_folder(path("a"), 0755).failed_with(Code::kAlreadyExists));
}

}  // namespace
}  // namespace zeropull::os
