#include "os/process_handle.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "os/file.h"

namespace zeropull::os {

namespace {

constexpr int kStopCheckMs = 50;  // a stop request is seen this late at most
constexpr std::size_t kStatMax = 4096;

// The fields behind the command's name, which is in brackets and may hold anything: state is the first, start time the twentieth.
Result<std::uint64_t> start_ticks(pid_t pid) {
  auto text = TRY(read_text(fmt::format("/proc/{}/stat", pid), kStatMax));
  std::string_view rest(text);
  auto end = rest.rfind(')');
  if (end != std::string_view::npos) rest.remove_prefix(end + 1);
  constexpr int kStartField = 20;
  for (int field = 0; field < kStartField; ++field) {
    auto space = rest.find(' ');
    if (space == std::string_view::npos) return make_error(Code::kInternal, "/proc/{}/stat is not of its format", pid);
    rest.remove_prefix(space + 1);
  }
  std::uint64_t ticks = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), ticks).ec != std::errc()) {
    return make_error(Code::kInternal, "/proc/{}/stat has no start time", pid);
  }
  return ticks;
}

Result<std::string> boot_id() {
  auto text = TRY(read_text("/proc/sys/kernel/random/boot_id", 64));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<ProcessIdentity> identify_process(pid_t pid) {
  ProcessIdentity identity{.pid = pid, .start_ticks = 0, .boot_id = {}};
  identity.start_ticks = TRY(start_ticks(pid));
  identity.boot_id = TRY(boot_id());
  return identity;
}

Result<ProcessHandle> ProcessHandle::open(const ProcessIdentity& identity) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, identity.pid, 0)));
  if (!pidfd.valid()) {
    if (errno == ESRCH) return make_error(Code::kNotFound, "process {} has ended", identity.pid);
    return errno_error(errno, fmt::format("open process {}", identity.pid));
  }
  // Asked with the descriptor in hand, so that what is compared is what the descriptor names.
  auto now = identify_process(identity.pid);
  pollfd ended{pidfd.get(), POLLIN, 0};
  if (!now.ok() || *now != identity || poll(&ended, 1, 0) != 0) {
    return make_error(Code::kNotFound, "process {} has ended", identity.pid);
  }
  return ProcessHandle(identity.pid, std::move(pidfd));
}

Result<void> ProcessHandle::kill() {
  if (syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
    return errno_error(errno, "kill process");
  }
  return {};
}

Result<void> ProcessHandle::wait(const Context& ctx) {
  while (true) {
    pollfd waiting{pidfd_.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, std::min(ctx.remaining_ms(), kStopCheckMs));
    if (ready < 0 && errno != EINTR) return errno_error(errno, "wait for process");
    if (ready > 0) break;
    TRY(ctx.check());
  }
  siginfo_t unused{};
  waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &unused, WEXITED | WNOHANG);  // ECHILD: another is its parent
  return {};
}

}  // namespace zeropull::os
