#include "erofs/builder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>

#include "codec/digest.h"
#include "erofs/layout.h"
#include "erofs/testing/sample_tree.h"
#include "os/file.h"

namespace zeropull::erofs {
namespace {

Result<Bytes> image_of(const Tree& tree, std::span<const DeviceInfo> devices) {
  os::UniqueFd fd(memfd_create("image", MFD_CLOEXEC));
  const ImageInfo info = TRY(write_image(tree, devices, fd.get()));
  Bytes bytes(info.size_bytes);
  TRY(os::read_exactly_at(fd.get(), bytes, 0));
  EXPECT_EQ(MUST(os::file_size(fd.get())), info.size_bytes);
  EXPECT_EQ(info.inode_count, tree.node_count());
  return bytes;
}

layout::Superblock superblock(const Bytes& image) {
  layout::Superblock super;
  std::memcpy(&super, image.data() + layout::kSuperblockOffset, sizeof super);
  return super;
}

std::uint16_t root_format(const Bytes& image) {
  return load_le<std::uint16_t>(image.data() + superblock(image).root_nid * layout::kInodeSlot);
}

TEST(WriteImage, bytes_do_not_change) {
  const Bytes image = MUST(image_of(sample_tree(), kSampleDevices));
  const auto golden = os::read_file(ZP_SOURCE_DIR "/tests/data/erofs/sample.erofs", kMiB);
  if (golden.ok() && *golden == image) return;
  const std::string actual = testing::TempDir() + "sample.erofs";
  MUST(os::replace_file(actual, image));
  FAIL() << "the bytes of the format changed: " << actual << " is what the writer makes now";
}

TEST(WriteImage, bytes_do_not_depend_on_the_order_in_which_the_tree_was_made) {
  const Bytes image = MUST(image_of(sample_tree(), kSampleDevices));
  std::vector<TreeStep> steps = kSampleSteps;
  for (std::size_t turn = 0; turn < steps.size(); ++turn) {
    std::rotate(steps.begin(), steps.begin() + 1, steps.end());
    if (turn % 2 == 1) std::reverse(steps.begin(), steps.end());
    Tree tree;
    MUST(tree.insert(kRootNode, "gone", {.mode = S_IFDIR | 0755, .xattrs = xattr_set(tree, {{"user.gone", "1"}})}));
    for (TreeStep step : steps) step(tree);
    EXPECT_TRUE(tree.remove(kRootNode, "gone"));
    EXPECT_TRUE(MUST(image_of(tree, kSampleDevices)) == image);
  }
}

TEST(WriteImage, the_uuid_follows_the_content) {
  Tree tree = sample_tree();
  const auto before = superblock(MUST(image_of(tree, kSampleDevices))).uuid;
  EXPECT_EQ(superblock(MUST(image_of(tree, kSampleDevices))).uuid, before);
  MUST(tree.insert(kRootNode, "one-more", {.mode = S_IFREG | 0644}));
  EXPECT_NE(superblock(MUST(image_of(tree, kSampleDevices))).uuid, before);
}

TEST(WriteImage, an_empty_tree_is_one_block) {
  const Bytes image = MUST(image_of(Tree(), {}));
  EXPECT_EQ(image.size(), kBlockSize);
  EXPECT_EQ(superblock(image).extra_devices, 0);
  EXPECT_EQ(superblock(image).feature_incompat, layout::kIncompatChunkedFile);
}

TEST(WriteImage, inodes_of_the_common_time_are_compact) {
  Tree tree;
  EXPECT_EQ(root_format(MUST(image_of(tree, {}))) & layout::kInodeExtended, 0);
  for (int i = 0; i < 2; ++i) {
    MUST(tree.insert(kRootNode, fmt::format("{}", i), {.mode = S_IFREG | 0644, .mtime = {5, 6}}));
  }
  const Bytes image = MUST(image_of(tree, {}));
  EXPECT_EQ(superblock(image).build_time, 5u);
  EXPECT_EQ(superblock(image).build_time_nanoseconds, 6u);
  EXPECT_EQ(root_format(image) & layout::kInodeExtended, layout::kInodeExtended);
}

TEST(WriteImage, a_contiguous_file_has_one_chunk_index_whatever_its_size) {
  auto size_with = [](std::uint64_t file_size) {
    Tree tree;
    for (int i = 0; i < 1000; ++i) {
      MUST(tree.insert(kRootNode, fmt::format("{}", i), {.mode = S_IFREG | 0644, .size = file_size, .data = {.device = 1}}));
    }
    const DeviceInfo device{.size_bytes = 8 << 20};
    return MUST(image_of(tree, std::span(&device, 1))).size();
  };
  EXPECT_EQ(size_with(1), size_with(8 << 20));
}

TEST(WriteImage, equal_xattrs_are_written_once) {
  Tree tree;
  const std::string value(1000, 'v');
  for (int i = 0; i < 1000; ++i) {
    const std::string own = fmt::format("{}", i);
    const XattrSetId set = xattr_set(tree, {{"user.common", value}, {"user.own", own}});
    MUST(tree.insert(kRootNode, fmt::format("{}", i), {.mode = S_IFREG | 0644, .xattrs = set}));
  }
  EXPECT_LT(MUST(image_of(tree, {})).size(), 150'000u);
}

TEST(WriteImage, refuses_data_beyond_the_devices) {
  Tree tree;
  const DeviceInfo device{.size_bytes = 8192};
  auto write = [&](const FileData& data, std::uint64_t size) {
    MUST(tree.insert(kRootNode, "file", {.mode = S_IFREG | 0644, .size = size, .data = data}));
    return image_of(tree, std::span(&device, 1));
  };
  EXPECT_TRUE(write({.device = 1, .blob_offset = 4096}, 4096).ok());
  EXPECT_TRUE(write({.device = 1, .blob_offset = 4096}, 4097).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(write({.device = 2}, 1).failed_with(Code::kInvalidArgument));
  const Extent extent{.file_offset = 4096, .length = 4096, .blob_offset = 8192};
  EXPECT_TRUE(write({.device = 1, .extents = std::span(&extent, 1)}, 8192).failed_with(Code::kInvalidArgument));
}

TEST(WriteImage, names_the_file_whose_data_are_beyond_a_device) {
  Tree tree;
  const NodeId directory = MUST(tree.insert(kRootNode, "usr", {.mode = S_IFDIR | 0755}));
  MUST(tree.insert(directory, "file", {.mode = S_IFREG | 0644, .size = 1, .data = {.device = 1}}));
  EXPECT_EQ(image_of(tree, {}).error().message(), "/usr/file: data on device 1 of 0");
}

TEST(WriteImage, refuses_devices_that_are_not_whole_blocks) {
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4097}, kDeviceSizeMax + kBlockSize}) {
    const DeviceInfo device{.size_bytes = size};
    EXPECT_TRUE(image_of(Tree(), std::span(&device, 1)).failed_with(Code::kInvalidArgument)) << size;
  }
  const std::vector<DeviceInfo> too_many(kDevicesMax + 1U, {.size_bytes = 4096});
  EXPECT_TRUE(image_of(Tree(), too_many).failed_with(Code::kInvalidArgument));
}

TEST(WriteImage, a_full_disk_is_an_error) {
  auto full = MUST(os::open_file("/dev/full", O_WRONLY));
  EXPECT_FALSE(write_image(Tree(), {}, full.get()).ok());
}

}  // namespace
}  // namespace zeropull::erofs
