// What strangers say of our images: the kernel mounts them and shows the tree that was written; fsck.erofs finds no fault.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "erofs/builder.h"
#include "erofs/testing/sample_tree.h"
#include "erofs/testing/tree_comparison.h"
#include "os/mount.h"
#include "os/process.h"

namespace zeropull::erofs {
namespace {

struct MountTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-erofs-mount-"));
  std::string image = folder.path() + "/meta";
  std::string mount_point = folder.path() + "/mnt";
  std::vector<std::string> blobs;
  bool mounted = false;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    MUST(os::ensure_folder(mount_point));
  }
  void TearDown() override {
    if (mounted) MUST(os::unmount(mount_point));
  }

  ImageInfo write(const Tree& tree, const std::vector<DeviceInfo>& devices) {
    for (std::uint16_t device = 1; device <= static_cast<std::uint16_t>(devices.size()); ++device) {
      blobs.push_back(fmt::format("{}/blob-{}", folder.path(), device));
      write_blob(blobs.back(), device, devices[device - 1U].size_bytes);
    }
    auto fd = MUST(os::open_file(image, O_RDWR | O_CREAT | O_TRUNC));
    const ImageInfo info = MUST(write_image(tree, devices, fd.get()));
    EXPECT_EQ(MUST(os::file_size(fd.get())), info.size_bytes);
    MUST(fd.close());
    return info;
  }
  Result<void> mount(const std::string& source, const std::vector<std::string>& devices) {
    os::FilesystemMount mount{.type = "erofs", .options = {{"source", source}}, .flags = {}};
    for (const std::string& device : devices) mount.options.emplace_back("device", device);
    auto done = os::mount_filesystem(mount, mount_point);
    mounted = done.ok();
    return done;
  }
  // What fsck.erofs says after reading every inode, name and data block. Its exit code is 0 also when it finds faults.
  std::string fsck() {
    std::vector<std::string> argv{"sh", "-c", "exec \"$@\" 2>&1", "sh", "fsck.erofs", "-d3", "--extract"};
    for (const std::string& blob : blobs) argv.push_back("--device=" + blob);
    argv.push_back(image);
    return MUST(os::run_program(Context::root("test"), {.argv = argv, .input = {}}));
  }
};

TEST_F(MountTest, the_kernel_shows_the_tree_that_was_written_from_files) {
  Tree tree = sample_tree();
  add_large_inodes(tree);
  add_directories_of_all_sizes(tree);
  write(tree, kSampleDevices);
  MUST(mount(image, blobs));
  TreeComparison comparison(tree);
  comparison.compare(kRootNode, mount_point);
  EXPECT_GT(comparison.names(), tree.node_count());
}

TEST_F(MountTest, the_kernel_shows_the_tree_that_was_written_over_loop_devices) {
  const Tree tree = sample_tree();
  write(tree, kSampleDevices);
  const auto source = MUST(os::LoopDevice::attach(image));
  std::vector<os::LoopDevice> loops;
  std::vector<std::string> devices;
  for (const std::string& blob : blobs) {
    loops.push_back(MUST(os::LoopDevice::attach(blob)));
    devices.push_back(loops.back().path());
  }
  MUST(mount(source.path(), devices));
  TreeComparison(tree).compare(kRootNode, mount_point);
}

TEST_F(MountTest, every_name_of_a_directory_of_100000_is_found) {
  Tree tree;
  for (unsigned i = 0; i < 100'000; ++i) {  // 70,000 of them directories: more links than a compact inode can count
    const mode_t mode = i % 10 < 7 ? S_IFDIR | 0755 : S_IFREG | 0644;
    MUST(tree.insert(kRootNode, fmt::format("{:x}", i * 2654435761U), {.mode = static_cast<std::uint16_t>(mode)}));
  }
  write(tree, {});
  MUST(mount(image, {}));
  TreeComparison comparison(tree);
  comparison.compare(kRootNode, mount_point);
  EXPECT_EQ(comparison.names(), 100'001u);
  EXPECT_EQ(access((mount_point + "/zz").c_str(), F_OK), -1);
}

TEST_F(MountTest, many_devices_are_told_apart) {
  Tree tree;
  const std::vector<DeviceInfo> devices(130, {.size_bytes = 8192});
  for (std::uint16_t device = 1; device <= static_cast<std::uint16_t>(devices.size()); ++device) {
    MUST(tree.insert(kRootNode, fmt::format("{}", device), {.mode = S_IFREG | 0644, .size = 4097, .data = {.device = device}}));
  }
  write(tree, devices);
  MUST(mount(image, blobs));
  TreeComparison(tree).compare(kRootNode, mount_point);
}

TEST_F(MountTest, fsck_finds_no_fault) {
  Tree tree = sample_tree();
  add_large_inodes(tree);
  add_directories_of_all_sizes(tree);
  write(tree, kSampleDevices);
  EXPECT_THAT(fsck(), testing::AllOf(testing::HasSubstr("No errors found"), testing::Not(testing::HasSubstr("<E>"))));

  auto fd = MUST(os::open_file(image, O_RDWR));
  MUST(os::write_all_at(fd.get(), as_bytes("x"), 2000));
  EXPECT_THAT(fsck(), testing::HasSubstr("chksum doesn't match"));
}

}  // namespace
}  // namespace zeropull::erofs
