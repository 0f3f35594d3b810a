// UniqueFd: one owner for one descriptor. Every descriptor in Zeropull is close-on-exec.
#pragma once

#include <utility>

#include "base/result.h"

namespace zeropull::os {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();          // closes; errors are dropped, use close() where they matter
  Result<void> close();  // closes and reports: the last chance to learn of a failed write
  Result<UniqueFd> duplicate() const;

 private:
  int fd_ = -1;
};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
enum class PipeSize { kDefault, kLarge };  // 64 KiB, or 1 MiB for bulk data
Result<Pipe> create_pipe(PipeSize size = PipeSize::kDefault);

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
Result<SocketPair> create_socket_pair();  // AF_UNIX, SOCK_STREAM

// The only place where an errno becomes a code. `what` names the call and its object: "open /var/lib/x".
Error errno_error(int errno_value, std::string_view what, std::source_location where = std::source_location::current());

}  // namespace zeropull::os
