// An image of a million inodes: what it takes of memory, and that the kernel counts the same.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <charconv>

#include "erofs/builder.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::erofs {
namespace {

constexpr unsigned kFolders = 10'000;
constexpr unsigned kFilesInEach = 99;
constexpr std::uint64_t kInodes = 1 + kFolders * (1 + kFilesInEach);

// The most memory this process ever had resident, in bytes.
std::uint64_t peak_memory() {
  const std::string status = MUST(os::read_text("/proc/self/status", 1 << 16));
  constexpr std::string_view kKey = "VmHWM:";
  const std::size_t at = status.find_first_of("0123456789", status.find(kKey));
  std::uint64_t kib = 0;
  std::from_chars(status.data() + at, status.data() + status.size(), kib);
  return kib * 1024;
}

Tree million() {
  Tree tree;
  std::uint64_t offset = 0;
  for (unsigned i = 0; i < kFolders; ++i) {
    const NodeId folder =
        MUST(tree.insert(kRootNode, fmt::format("some_package_{}", i), {.mode = S_IFDIR | 0755, .mtime = {i, 0}}));
    for (unsigned j = 0; j < kFilesInEach; ++j) {
      MUST(tree.insert(folder, fmt::format("a_module_of_it_{:02}.py", j),
                       {.mode = S_IFREG | 0644, .mtime = {i, j}, .size = 5000, .data = {.device = 1, .blob_offset = offset}}));
      offset += 8192;
    }
  }
  return tree;
}

std::uint64_t count_inodes(const std::string& mount_point) {
  std::uint64_t count = 1;
  for (const std::string& folder : MUST(os::list_folder(mount_point))) {
    const std::string path = mount_point + "/" + folder;
    ++count;
    for (const std::string& name : MUST(os::list_folder(path))) {
      struct stat info;
      const bool right = lstat((path + "/" + name).c_str(), &info) == 0 && info.st_size == 5000;
      count += right ? 1 : 0;
    }
  }
  return count;
}

TEST(MillionInodes, take_200_bytes_each_and_are_all_there) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const os::ScratchFolder folder = MUST(os::ScratchFolder::create("/tmp", "zp-erofs-million-"));
  const std::string image = folder.path() + "/meta";
  const std::string blob = folder.path() + "/blob";
  const std::string mount_point = folder.path() + "/mnt";
  MUST(os::ensure_folder(mount_point));
  const std::vector<DeviceInfo> devices{{.size_bytes = kInodes * 8192}};

  auto fd = MUST(os::open_file(image, O_RDWR | O_CREAT));
  const std::uint64_t before = peak_memory();
  const Tree tree = million();
  const std::uint64_t with_tree = peak_memory();
  const ImageInfo info = MUST(write_image(tree, devices, fd.get()));
  const std::uint64_t with_image = peak_memory();
  EXPECT_EQ(info.inode_count, kInodes);
  EXPECT_LE(with_image - before, 200 * kInodes);
  RecordProperty("tree_bytes_per_inode", std::to_string((with_tree - before) / kInodes));
  RecordProperty("bytes_per_inode", std::to_string((with_image - before) / kInodes));

  auto blob_fd = MUST(os::open_file(blob, O_RDWR | O_CREAT));
  ASSERT_EQ(ftruncate(blob_fd.get(), static_cast<off_t>(devices[0].size_bytes)), 0);
  MUST(os::mount_filesystem({.type = "erofs", .options = {{"source", image}, {"device", blob}}, .flags = {}}, mount_point));
  const std::uint64_t counted = count_inodes(mount_point);
  MUST(os::unmount(mount_point));
  EXPECT_EQ(counted, kInodes);
}

}  // namespace
}  // namespace zeropull::erofs
