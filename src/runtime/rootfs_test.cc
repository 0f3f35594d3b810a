#include "runtime/rootfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "runtime/containerd_client.h"

namespace zeropull::runtime {
namespace {

TEST(OpenRoot, sees_the_image_through_a_bind_and_through_the_lower_folder_of_an_overlay) {
  auto folder = MUST(os::ScratchFolder::create(testing::TempDir(), "zp-root-"));
  MUST(os::replace_file(folder.path() + "/here", as_bytes("x")));
  const std::vector<Mount> mounts{
      {.type = "bind", .source = folder.path(), .options = {"rbind", "rw"}},
      {.type = "overlay", .source = "overlay", .options = {"workdir=/w", "upperdir=/u", "lowerdir=" + folder.path()}},
  };
  for (const Mount& mount : mounts) {
    auto root = MUST(open_root({mount}, "/nonexistent"));
    EXPECT_TRUE(os::open_at(root, "here", O_RDONLY, os::Resolve::kInRoot).ok()) << mount.type;
  }
}

TEST(OpenRoot, refuses_mounts_that_it_cannot_look_into) {
  EXPECT_TRUE(open_root({}, "/tmp").failed_with(Code::kUnimplemented));
  EXPECT_TRUE(open_root({{.type = "btrfs", .source = "/dev/x", .options = {}}}, "/tmp").failed_with(Code::kUnimplemented));
  EXPECT_TRUE(open_root({{.type = "overlay", .source = "overlay", .options = {"ro"}}}, "/tmp").failed_with(Code::kUnimplemented));
}

TEST(ContainerdClient, refuses_nonsense_and_says_where_containerd_was_looked_for) {
  EXPECT_FALSE(ContainerdClient::create({.socket = "relative.sock"}).ok());
  EXPECT_FALSE(ContainerdClient::create({.socket = "/x", .containerd_namespace = ""}).ok());
  auto client = MUST(ContainerdClient::create({.socket = "/nonexistent/containerd.sock"}));
  auto version = client.version(Context::root("test"));
  ASSERT_TRUE(version.failed_with(Code::kUnavailable));
  EXPECT_NE(version.error().message().find("/nonexistent/containerd.sock"), std::string::npos);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(client.version(Context::root("test", stop.get_token())).failed_with(Code::kCancelled));
}

}  // namespace
}  // namespace zeropull::runtime
