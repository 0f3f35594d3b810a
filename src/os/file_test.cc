#include "os/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace zeropull::os {
namespace {

struct FileTest : testing::Test {
  ScratchFolder folder = MUST(ScratchFolder::create("/tmp", "zp-file-test-"));
  std::string path(std::string_view name) { return fmt::format("{}/{}", folder.path(), name); }
};

TEST_F(FileTest, replace_file_shows_old_or_new_and_leaves_no_temporary) {
  MUST(replace_file(path("a"), as_bytes("one")));
  MUST(replace_file(path("a"), as_bytes("two")));
  EXPECT_EQ(MUST(read_text(path("a"), 100)), "two");
  EXPECT_EQ(MUST(list_folder(folder.path())), std::vector<std::string>{"a"});
}

TEST_F(FileTest, create_file_refuses_one_that_is_there) {
  MUST(create_file(path("a"), as_bytes("one")));
  EXPECT_TRUE(create_file(path("a"), as_bytes("two")).failed_with(Code::kAlreadyExists));
  EXPECT_EQ(MUST(read_text(path("a"), 100)), "one");
}

TEST_F(FileTest, read_file_refuses_more_than_its_limit) {
  MUST(replace_file(path("a"), as_bytes("12345")));
  EXPECT_EQ(MUST(read_file(path("a"), 5)).size(), 5u);
  EXPECT_TRUE(read_file(path("a"), 4).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(read_file(path("b"), 4).failed_with(Code::kNotFound));
}

TEST_F(FileTest, read_secret_refuses_what_others_may_read) {
  MUST(create_file(path("key"), as_bytes("one"), 0600));
  EXPECT_EQ(MUST(read_secret(path("key"), 3)).reveal(), "one");
  EXPECT_TRUE(read_secret(path("key"), 2).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(read_secret(path("absent"), 2).failed_with(Code::kNotFound));
  EXPECT_TRUE(read_secret(path(""), 100).failed_with(Code::kFailedPrecondition));
  ASSERT_EQ(::chmod(path("key").c_str(), 0640), 0);
  EXPECT_TRUE(read_secret(path("key"), 3).failed_with(Code::kFailedPrecondition));
}

TEST_F(FileTest, open_at_beneath_refuses_to_leave_and_in_root_stays_inside) {
  MUST(ensure_folder(path("root/etc")));
  MUST(replace_file(path("root/etc/x"), as_bytes("inside")));
  ASSERT_EQ(symlink("/etc/x", path("root/link").c_str()), 0);
  auto root = MUST(open_file(path("root"), O_RDONLY | O_DIRECTORY));
  EXPECT_FALSE(open_at(root, "../root/etc/x", O_RDONLY, Resolve::kBeneath).ok());
  EXPECT_FALSE(open_at(root, "link", O_RDONLY, Resolve::kBeneath).ok());
  EXPECT_TRUE(open_at(root, "link", O_RDONLY, Resolve::kInRoot).ok());
  EXPECT_TRUE(open_at(root, "../../etc/x", O_RDONLY, Resolve::kInRoot).ok());
}

TEST_F(FileTest, open_at_opens_folders) {
  MUST(ensure_folder(path("root/etc")));
  auto root = MUST(open_file(path("root"), O_PATH | O_DIRECTORY));
  EXPECT_TRUE(open_at(root, "etc", O_RDONLY | O_DIRECTORY, Resolve::kBeneath).ok());
  EXPECT_TRUE(open_at(root, ".", O_RDWR | O_TMPFILE, Resolve::kBeneath).ok());
}

TEST_F(FileTest, remove_tree_does_not_follow_symlinks) {
  MUST(ensure_folder(path("keep")));
  MUST(replace_file(path("keep/x"), as_bytes("x")));
  MUST(ensure_folder(path("gone/deep")));
  ASSERT_EQ(symlink(path("keep").c_str(), path("gone/deep/link").c_str()), 0);
  MUST(remove_tree(path("gone")));
  EXPECT_FALSE(exists(path("gone")));
  EXPECT_TRUE(exists(path("keep/x")));
}

TEST_F(FileTest, short_file_is_data_loss) {
  MUST(replace_file(path("a"), as_bytes("12345")));
  auto fd = MUST(open_file(path("a"), O_RDONLY));
  Bytes buffer(6);
  EXPECT_TRUE(read_exactly_at(fd.get(), buffer, 0).failed_with(Code::kDataLoss));
}

TEST(MemoryFile, has_a_path_for_whoever_wants_to_read_it) {
  const auto file = MUST(create_memory_file(as_bytes("content")));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(MUST(read_text(fmt::format("/proc/self/fd/{}", file.get()), 100)), "content");
}

}  // namespace
}  // namespace zeropull::os
