// Mounting: the new mount API (fsopen, fsconfig, fsmount, move_mount), whose options are not limited to one page as mount(2)'s
// are; loop devices; and what is mounted, from /proc/self/mountinfo. Functions are thread-safe; the kernel serialises.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace zeropull::os {

enum class Access { kReadOnly, kReadWrite };

struct FilesystemMount {
  std::string type;                                          // "erofs", "ext4"
  std::vector<std::pair<std::string, std::string>> options;  // in order, keys may repeat; "source" is one of them
  std::vector<std::string> flags;                            // options without a value
  Access access = Access::kReadOnly;
};
// Mounts with nosuid off and nodev off, as a container's root is. The kernel's own explanation (fsopen's log) is in the error.
Result<void> mount_filesystem(const FilesystemMount& mount, const std::string& mount_point);

Result<void> bind_mount(const std::string& from, const std::string& to, Access access);
// Detaches lazily only when asked; kNotFound or kInvalidArgument when nothing is mounted there.
enum class Unmount { kNow, kLazily };
Result<void> unmount(const std::string& mount_point, Unmount how = Unmount::kNow);

struct MountInfo {  // a line of proc(5) mountinfo, escapes undone
  std::uint64_t id = 0;
  std::string device;  // "major:minor"
  std::string root;
  std::string mount_point;
  std::string type;
  std::string source;
};
Result<std::vector<MountInfo>> list_mounts();
Result<bool> is_mount_point(const std::string& path);

// A loop device over a regular file: read-only, direct I/O (so that no byte is cached twice) and cleared by the kernel when its
// last user goes. Keep the object until the device is mounted; destruction then leaves it to the mount.
class LoopDevice {
 public:
  // A file system with smaller blocks than a sector cannot be mounted; a disk with larger sectors cannot be read directly.
  enum class Sector : std::uint32_t { k512 = 512, k4096 = 4096 };
  static Result<LoopDevice> attach(const std::string& file, Sector sector = Sector::k4096);
  const std::string& path() const { return path_; }  // "/dev/loop7"

 private:
  LoopDevice(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

}  // namespace zeropull::os
