#include "os/fifo.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/fd.h"

namespace zeropull::os {

namespace {

Result<std::optional<std::size_t>> transferred(ssize_t count, std::string_view what) {
  if (count >= 0) return std::optional(static_cast<std::size_t>(count));
  if (errno == EAGAIN || errno == EINTR) return std::optional<std::size_t>();
  return errno_error(errno, what);
}

}  // namespace

Result<void> create_fifo(const std::string& path, mode_t mode) {
  if (mkfifo(path.c_str(), mode) != 0) return errno_error(errno, fmt::format("create fifo {}", path));
  return {};
}

Result<bool> wait_ready(std::span<pollfd> descriptors, int timeout_ms) {
  int ready = poll(descriptors.data(), descriptors.size(), timeout_ms);
  if (ready < 0 && errno != EINTR) return errno_error(errno, "poll");
  return ready > 0;
}

Result<std::optional<std::size_t>> try_read(int fd, MutableByteView bytes) {
  return transferred(read(fd, bytes.data(), bytes.size()), "read");
}

Result<std::optional<std::size_t>> try_write(int fd, ByteView bytes) {
  return transferred(write(fd, bytes.data(), bytes.size()), "write");
}

}  // namespace zeropull::os
