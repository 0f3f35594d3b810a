#include "os/new_root.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>

#include "os/fd.h"
#include "os/file.h"

namespace zeropull::os {

Result<void> make_mounts_private() {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno_error(errno, "make mounts private");
  return {};
}

Result<void> enter_root(const std::string& root) {
  if (chdir(root.c_str()) != 0) return errno_error(errno, fmt::format("enter {}", root));
  // The old root comes to lie over the new one, which pivot_root(2) describes, and is taken away from there.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return errno_error(errno, fmt::format("make {} the root", root));
  if (umount2(".", MNT_DETACH) != 0) return errno_error(errno, "take the old root away");
  if (chdir("/") != 0) return errno_error(errno, "enter the new root");
  return {};
}

Result<void> set_host_name(const std::string& name) {
  if (sethostname(name.data(), name.size()) != 0) return errno_error(errno, fmt::format("set the host name {}", name));
  return {};
}

Result<void> create_symlink(const std::string& target, const std::string& path) {
  if (symlink(target.c_str(), path.c_str()) != 0) return errno_error(errno, fmt::format("link {} to {}", path, target));
  return {};
}

Result<std::optional<std::string>> read_symlink(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  auto size = readlink(path.c_str(), target.data(), target.size());
  if (size >= 0) return std::optional(std::string(target.data(), static_cast<std::size_t>(size)));
  if (errno == EINVAL || errno == ENOENT) return std::optional<std::string>();
  return errno_error(errno, fmt::format("read the link {}", path));
}

Result<std::vector<pid_t>> reap_children(Duration timeout) {
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &child_ended, nullptr) != 0) return errno_error(errno, "block SIGCHLD");
  std::vector<pid_t> ended;
  while (true) {
    pid_t pid = 0;
    while ((pid = waitpid(-1, nullptr, WNOHANG)) > 0) ended.push_back(pid);
    if (!ended.empty() || timeout <= Duration::zero()) return ended;
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    timespec wait{.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
    if (sigtimedwait(&child_ended, nullptr, &wait) < 0 && errno != EINTR && errno != EAGAIN) {
      return errno_error(errno, "wait for children");
    }
    timeout = Duration::zero();
  }
}

}  // namespace zeropull::os
