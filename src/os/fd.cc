#include "os/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace zeropull::os {

namespace {

Code code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return Code::kNotFound;
    case EEXIST: return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return Code::kResourceExhausted;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP: return Code::kInvalidArgument;
    case EBUSY:
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR: return Code::kFailedPrecondition;
    case EXDEV: return Code::kPermissionDenied;  // openat2 met a name that leads outside
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOTBLK: return Code::kUnimplemented;
    case ETIMEDOUT: return Code::kDeadlineExceeded;
    case ECANCELED: return Code::kCancelled;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EAGAIN: return Code::kUnavailable;
    case EIO: return Code::kDataLoss;
    case ERANGE:
    case EOVERFLOW: return Code::kOutOfRange;
    default: return Code::kUnknown;
  }
}

}  // namespace

Error errno_error(int errno_value, std::string_view what, std::source_location where) {
  return Error(code_of(errno_value), fmt::format("{}: {}", what, std::generic_category().message(errno_value)), errno_value,
               where);
}

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<void> UniqueFd::close() {
  int fd = std::exchange(fd_, -1);
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return errno_error(errno, "close");
  return {};
}

Result<UniqueFd> UniqueFd::duplicate() const {
  int fd = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return errno_error(errno, "duplicate descriptor");
  return UniqueFd(fd);
}

Result<Pipe> create_pipe(PipeSize size) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return errno_error(errno, "pipe2");
  constexpr int kLargePipe = 1 << 20;  // what the kernel grants without privilege; less is slower and as good
  if (size == PipeSize::kLarge) (void)fcntl(fds[0], F_SETPIPE_SZ, kLargePipe);
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<SocketPair> create_socket_pair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return errno_error(errno, "socketpair");
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace zeropull::os
