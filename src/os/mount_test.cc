#include "os/mount.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "os/file.h"
#include "os/process.h"

namespace zeropull::os {
namespace {

struct MountTest : testing::Test {
  ScratchFolder folder = MUST(ScratchFolder::create("/var/tmp", "zp-mount-test-"));
  std::string path(std::string_view name) { return fmt::format("{}/{}", folder.path(), name); }
};

TEST_F(MountTest, loop_device_with_direct_io_is_mounted_and_cleared_with_its_mount) {
  MUST(ensure_folder(path("tree")));
  MUST(ensure_folder(path("mnt")));
  MUST(replace_file(path("tree/hello"), as_bytes("hello")));
  MUST(run_program(Context::root("test"), {.argv = {"mkfs.erofs", path("image"), path("tree")}, .input = {}}));
  std::string device;
  {
    auto loop = MUST(LoopDevice::attach(path("image")));
    device = loop.path();
    MUST(mount_filesystem({.type = "erofs", .options = {{"source", device}}, .flags = {}}, path("mnt")));
  }
  EXPECT_EQ(MUST(read_text(path("mnt/hello"), 100)), "hello");
  EXPECT_TRUE(MUST(is_mount_point(path("mnt"))));
  EXPECT_EQ(MUST(read_text(fmt::format("/sys/block/{}/loop/dio", device.substr(5)), 10)), "1\n");
  MUST(unmount(path("mnt")));
  EXPECT_FALSE(MUST(is_mount_point(path("mnt"))));
  EXPECT_FALSE(exists(fmt::format("/sys/block/{}/loop/backing_file", device.substr(5))));
}

TEST_F(MountTest, loop_device_reads_as_far_ahead_as_the_disk_below) {
  MUST(replace_file(path("image"), Bytes(8192)));
  auto info = MUST(stat_path(path("image")));
  auto disk = read_text(fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", major(info.st_dev), minor(info.st_dev)), 20);
  if (!disk.ok()) GTEST_SKIP() << disk.error().message();
  auto loop = MUST(LoopDevice::attach(path("image")));
  EXPECT_EQ(MUST(read_text(fmt::format("/sys/block/{}/queue/read_ahead_kb", loop.path().substr(5)), 20)), *disk);
}

TEST_F(MountTest, failed_mount_carries_the_kernels_reason) {
  MUST(ensure_folder(path("mnt")));
  MUST(replace_file(path("image"), Bytes(8192)));
  auto loop = MUST(LoopDevice::attach(path("image")));
  auto result = mount_filesystem({.type = "erofs", .options = {{"source", loop.path()}}, .flags = {"no_such_flag"}}, path("mnt"));
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("Unknown parameter 'no_such_flag'"), std::string::npos) << result.error().message();
  EXPECT_FALSE(mount_filesystem({.type = "erofs", .options = {{"source", loop.path()}}, .flags = {}}, path("mnt")).ok());
}

TEST_F(MountTest, read_only_bind_refuses_writes) {
  MUST(ensure_folder(path("from")));
  MUST(ensure_folder(path("to")));
  MUST(bind_mount(path("from"), path("to"), Access::kReadOnly));
  EXPECT_EQ(replace_file(path("to/x"), as_bytes("x")).error().errno_value(), EROFS);
  MUST(unmount(path("to")));
}

TEST_F(MountTest, mount_points_with_spaces_are_found) {
  MUST(ensure_folder(path("a b")));
  MUST(bind_mount(path("a b"), path("a b"), Access::kReadOnly));
  EXPECT_TRUE(MUST(is_mount_point(path("a b"))));
  MUST(unmount(path("a b")));
}

}  // namespace
}  // namespace zeropull::os
