#include "os/mount.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "os/file.h"

namespace zeropull::os {

namespace {

// glibc 2.36 declares the mount API in <sys/mount.h>.
std::string kernel_log(int fs) {
  std::string text;
  std::array<char, 1024> line;
  for (ssize_t n = read(fs, line.data(), line.size()); n > 0; n = read(fs, line.data(), line.size())) {
    text += text.empty() ? " (kernel: " : "; ";
    text.append(line.data(), static_cast<std::size_t>(n));
  }
  return text.empty() ? text : text + ")";
}

Error mount_error(int fs, int errno_value, const FilesystemMount& mount, const std::string& mount_point) {
  return errno_error(errno_value, fmt::format("mount {} on {}{}", mount.type, mount_point, kernel_log(fs)));
}

// Undoes mountinfo's \ooo escapes.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ec == std::errc()) {
      out.push_back(static_cast<char>(value));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Result<UniqueFd> configure_loop(int control, const UniqueFd& file, LoopDevice::Sector sector, std::string& path) {
  constexpr int kAttempts = 64;  // another process may take the free device between the two calls
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return errno_error(errno, "find a free loop device");
    path = fmt::format("/dev/loop{}", number);
    auto device = TRY(open_file(path, O_RDWR));
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file.get());
    config.block_size = static_cast<std::uint32_t>(sector);
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    if (ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY) return errno_error(errno, fmt::format("configure {}", path));
  }
  return make_error(Code::kUnavailable, "no loop device stayed free in {} attempts", kAttempts);
}

// Reads what lies on the device as far ahead as the file system below reads its own files: a loop device's default, 128 KiB,
// halves the speed of sequential reads where the disk's is larger. Where the disk does not say, the default stays.
void adopt_read_ahead(const UniqueFd& device, const UniqueFd& file) {
  auto info = stat_fd(file.get());
  if (!info.ok()) return;
  auto number = fmt::format("{}:{}", major(info->st_dev), minor(info->st_dev));
  // A disk, or a file system over several, has a bdi of its own; a partition lies below its disk.
  for (const auto& path : {fmt::format("/sys/class/bdi/{}/read_ahead_kb", number),
                           fmt::format("/sys/dev/block/{}/../queue/read_ahead_kb", number)}) {
    unsigned long kib = 0;
    if (std::ifstream(path) >> kib) {
      (void)ioctl(device.get(), BLKRASET, kib * 2);  // in sectors of 512 bytes
      return;
    }
  }
}

}  // namespace

Result<void> mount_filesystem(const FilesystemMount& mount, const std::string& mount_point) {
  UniqueFd fs(fsopen(mount.type.c_str(), FSOPEN_CLOEXEC));
  if (!fs.valid()) return errno_error(errno, fmt::format("open file system type {}", mount.type));
  for (const auto& [key, value] : mount.options) {
    if (fsconfig(fs.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) != 0) {
      return mount_error(fs.get(), errno, mount, mount_point).with(fmt::format("option {}={}", key, value));
    }
  }
  for (const auto& flag : mount.flags) {
    if (fsconfig(fs.get(), FSCONFIG_SET_FLAG, flag.c_str(), nullptr, 0) != 0) {
      return mount_error(fs.get(), errno, mount, mount_point).with(fmt::format("option {}", flag));
    }
  }
  if (mount.access == Access::kReadOnly) fsconfig(fs.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0);
  if (fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return mount_error(fs.get(), errno, mount, mount_point);
  unsigned attributes = mount.access == Access::kReadOnly ? MOUNT_ATTR_RDONLY : 0;
  UniqueFd mounted(fsmount(fs.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mounted.valid()) return mount_error(fs.get(), errno, mount, mount_point);
  if (move_mount(mounted.get(), "", AT_FDCWD, mount_point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return mount_error(fs.get(), errno, mount, mount_point);
  }
  return {};
}

Result<void> bind_mount(const std::string& from, const std::string& to, Access access) {
  auto what = [&] { return fmt::format("bind {} on {}", from, to); };
  UniqueFd tree(open_tree(AT_FDCWD, from.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree.valid()) return errno_error(errno, what());
  if (access == Access::kReadOnly) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) return errno_error(errno, what());
  }
  if (move_mount(tree.get(), "", AT_FDCWD, to.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) return errno_error(errno, what());
  return {};
}

Result<void> unmount(const std::string& mount_point, Unmount how) {
  if (umount2(mount_point.c_str(), UMOUNT_NOFOLLOW | (how == Unmount::kLazily ? MNT_DETACH : 0)) != 0) {
    return errno_error(errno, fmt::format("unmount {}", mount_point));
  }
  return {};
}

Result<std::vector<MountInfo>> list_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  if (!file) return make_error(Code::kUnavailable, "cannot read /proc/self/mountinfo");
  std::vector<MountInfo> mounts;
  std::string line;
  while (std::getline(file, line)) {
    // 36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw
    std::istringstream fields(line);
    MountInfo info;
    std::string parent;
    std::string field;
    fields >> info.id >> parent >> info.device >> info.root >> info.mount_point >> field;
    while (fields >> field && field != "-") {
    }
    fields >> info.type >> info.source;
    if (!fields) return make_error(Code::kInternal, "mountinfo line not understood: {}", line);
    info.root = unescape(info.root);
    info.mount_point = unescape(info.mount_point);
    info.source = unescape(info.source);
    mounts.push_back(std::move(info));
  }
  return mounts;
}

Result<bool> is_mount_point(const std::string& path) {
  auto mounts = TRY(list_mounts());
  for (const auto& mount : mounts) {
    if (mount.mount_point == path) return true;
  }
  return false;
}

Result<LoopDevice> LoopDevice::attach(const std::string& file, Sector sector) {
  auto control = TRY(open_file("/dev/loop-control", O_RDWR));
  auto backing = open_file(file, O_RDONLY | O_DIRECT);
  if (!backing.ok() && backing.error().errno_value() == EINVAL) backing = open_file(file, O_RDONLY);  // a file system without it
  if (!backing.ok()) return std::move(backing).take_error();
  std::string path;
  auto device = TRY(configure_loop(control.get(), *backing, sector, path).with_context("attach {}", file));
  adopt_read_ahead(device, *backing);
  return LoopDevice(std::move(device), std::move(path));
}

}  // namespace zeropull::os
