#include "runtime/image_user.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "os/fifo.h"
#include "os/file.h"
#include "runtime/limits.h"

namespace zeropull::runtime {
namespace {

using testing::HasSubstr;

// An image's root in a scratch folder. That lookups agree with containerd's client is tests/spec_equality.sh's matter.
struct ImageUserTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(testing::TempDir(), "zp-user-"));
  ImageUserTest() { MUST(os::ensure_folder(path("etc"))); }
  std::string path(std::string_view name) { return fmt::format("{}/{}", folder.path(), name); }
  void write(std::string_view name, std::string_view text) { MUST(os::replace_file(path(name), as_bytes(text))); }
  Result<ProcessUser> resolve(const std::string& user) {
    auto root = MUST(os::open_file(folder.path(), O_PATH | O_DIRECTORY));
    return resolve_user(root, user);
  }
};

TEST_F(ImageUserTest, an_empty_user_is_root_with_its_groups) {
  EXPECT_EQ(MUST(resolve("")), (ProcessUser{0, 0, {0}}));
  write("etc/group", "wheel:x:10:root\nother:x:11:alice\nroot:x:0:root\n");
  EXPECT_EQ(MUST(resolve("")), (ProcessUser{0, 0, {0, 10}}));
}

TEST_F(ImageUserTest, a_name_is_found_with_its_group_and_the_groups_that_list_it) {
  write("etc/passwd", "root:x:0:0::/:\nalice:x:1000:1001::/:\nalice:x:7:7::/:\n");
  write("etc/group", "alice:x:1001:alice\n# no:x:1:alice\nsecond:x:2000:bob,alice\n\nthird:x:2001:alice2\n");
  EXPECT_EQ(MUST(resolve("alice")), (ProcessUser{1000, 1001, {1001, 2000}}));
  EXPECT_EQ(MUST(resolve("1000")), (ProcessUser{1000, 1001, {1001, 2000}}));
  EXPECT_EQ(MUST(resolve("alice:second")), (ProcessUser{1000, 2000, {2000}}));
  EXPECT_EQ(MUST(resolve("1000:5")), (ProcessUser{1000, 5, {5, 2000}}));
}

TEST_F(ImageUserTest, a_number_need_not_be_in_the_image) {
  EXPECT_EQ(MUST(resolve("4242")), (ProcessUser{4242, 0, {0}}));
  EXPECT_EQ(MUST(resolve("4242:4343")), (ProcessUser{4242, 4343, {4343}}));
}

TEST_F(ImageUserTest, a_name_that_the_image_lacks_is_not_found) {
  EXPECT_TRUE(resolve("nobody").failed_with(Code::kNotFound));
  write("etc/passwd", "alice:x:1:1::/:\n");
  auto missing_group = resolve("alice:crew");
  ASSERT_TRUE(missing_group.failed_with(Code::kNotFound));
  EXPECT_THAT(missing_group.error().message(), HasSubstr("'crew'"));
  EXPECT_TRUE(resolve("3000000000").failed_with(Code::kNotFound)) << "no number that runc takes, so a name";
  EXPECT_TRUE(resolve("a:b:c").failed_with(Code::kInvalidArgument));
}

TEST_F(ImageUserTest, fields_that_are_missing_or_no_number_are_zero) {
  write("etc/passwd", "short\nodd:x:abc:77\n");
  EXPECT_EQ(MUST(resolve("short")), (ProcessUser{0, 0, {0}}));
  EXPECT_EQ(MUST(resolve("odd")), (ProcessUser{0, 77, {77}}));
}

TEST_F(ImageUserTest, symbolic_links_stay_inside_the_image) {
  write("passwd-of-the-image", "alice:x:5:6::/:\n");
  std::filesystem::create_symlink("/passwd-of-the-image", path("etc/passwd"));
  std::filesystem::create_symlink("../../../../../../../../../../etc/group", path("etc/group"));
  auto linked_to_itself = resolve("alice");
  EXPECT_FALSE(linked_to_itself.ok()) << "in the image /etc/group leads to itself";
  std::filesystem::remove(path("etc/group"));
  EXPECT_EQ(MUST(resolve("alice")), (ProcessUser{5, 6, {6}}));
}

TEST_F(ImageUserTest, files_that_would_block_or_fill_the_memory_are_refused) {
  MUST(os::create_fifo(path("etc/passwd")));
  EXPECT_TRUE(resolve("alice").failed_with(Code::kInvalidArgument));
  std::filesystem::remove(path("etc/passwd"));
  write("etc/passwd", "");
  std::filesystem::resize_file(path("etc/passwd"), kUserFileSizeMax + 1);
  EXPECT_TRUE(resolve("alice").failed_with(Code::kOutOfRange));
}

}  // namespace
}  // namespace zeropull::runtime
