#include "artifact/file_lock.h"

#include <sys/file.h>

#include <cerrno>

#include "artifact/limits.h"
#include "base/context.h"

namespace zeropull::artifact {

namespace {

constexpr auto kRetryAfter = std::chrono::milliseconds(5);

}  // namespace

Result<void> try_lock_file(const os::UniqueFd& fd, LockMode mode) {
  int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (flock(fd.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return make_error(Code::kUnavailable, "locked by another");
    return os::errno_error(errno, "flock");
  }
  return {};
}

Result<void> lock_file(const os::UniqueFd& fd, LockMode mode) {
  auto ctx = Context::root("file lock", {}, kLockTimeout);
  while (true) {
    auto locked = try_lock_file(fd, mode);
    if (!locked.failed_with(Code::kUnavailable)) return locked;
    if (!ctx.sleep(kRetryAfter).ok()) return locked;
  }
}

}  // namespace zeropull::artifact
