#include "os/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "os/file.h"

extern char** environ;

namespace zeropull::os {

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const auto& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Everything the child does between vfork-like creation and exec: async-signal-safe calls alone.
[[noreturn]] void child_exec(const SpawnOptions& options, char* const* argv, char* const* env, pid_t parent, int error_pipe,
                             const int* ours, const int* theirs, std::size_t count, int* moved) {
  if (options.die_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
  }
  if (options.own_group) setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // First lift every source above the targets, so that no dup2 overwrites one that is still to come.
  int floor = error_pipe + 1;
  for (std::size_t i = 0; i < count; ++i) floor = std::max(floor, std::max(ours[i], theirs[i]) + 1);
  int report = fcntl(error_pipe, F_DUPFD_CLOEXEC, floor);
  for (std::size_t i = 0; i < count; ++i) moved[i] = fcntl(ours[i], F_DUPFD_CLOEXEC, floor);
  // Whatever else was inherited without close-on-exec stays behind; dup2 clears the flag on what the child is given.
  bool ready = report >= 0 && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
  for (std::size_t i = 0; i < count; ++i) ready = ready && moved[i] >= 0 && dup2(moved[i], theirs[i]) >= 0;
  if (ready) execvpe(argv[0], argv, env);
  int error = errno;
  [[maybe_unused]] ssize_t n = write(report >= 0 ? report : error_pipe, &error, sizeof error);
  _exit(127);
}

// write(2) that reports a reader's end by EPIPE alone: a child that does not read its input must not end us by SIGPIPE.
ssize_t write_to_pipe(int fd, std::string_view bytes) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (n < 0 && error == EPIPE) {
    const timespec now{};
    sigtimedwait(&pipe_signal, nullptr, &now);  // takes the signal that the write has left pending
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return n;
}

}  // namespace

std::string ExitStatus::describe() const {
  return signal != 0 ? fmt::format("signal {}", signal) : fmt::format("exit code {}", code);
}

Result<Child> Child::spawn(const SpawnOptions& options) {
  std::vector<std::string> environment;
  if (options.environment) {
    environment = *options.environment;
  } else {
    for (char** e = environ; *e != nullptr; ++e) environment.emplace_back(*e);
  }
  auto argv = pointers_to(options.argv);
  auto env = pointers_to(environment);
  std::vector<int> ours;
  std::vector<int> theirs;
  for (auto [their, our] : options.descriptors) {
    theirs.push_back(their);
    ours.push_back(our);
  }
  std::vector<int> moved(ours.size());
  auto errors = TRY(create_pipe());
  pid_t parent = getpid();
  // As fork(2), into new namespaces; only async-signal-safe calls follow in the child, as they must after any fork of ours.
  pid_t pid = options.namespaces == 0
                  ? fork()
                  : static_cast<pid_t>(syscall(SYS_clone, SIGCHLD | static_cast<unsigned long>(options.namespaces), 0, 0, 0, 0));
  if (pid < 0) return errno_error(errno, fmt::format("start {}", options.argv[0]));
  if (pid == 0) {
    child_exec(options, argv.data(), env.data(), parent, errors.write_end.get(), ours.data(), theirs.data(), ours.size(),
               moved.data());
  }
  errors.write_end.reset();
  Child child(pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  int exec_errno = 0;
  auto n = TRY(read_some(errors.read_end.get(), {reinterpret_cast<std::byte*>(&exec_errno), sizeof exec_errno}));
  if (n == sizeof exec_errno) return errno_error(exec_errno, fmt::format("start {}", options.argv[0]));
  if (!child.pidfd_.valid()) return make_error(Code::kUnavailable, "start {}: no pidfd", options.argv[0]);
  return child;
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<ExitStatus> Child::wait(const Context& ctx) {
  constexpr int kStopCheckMs = 50;  // a stop request is seen this late at most
  while (true) {
    pollfd waiting{pidfd_.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, std::min(ctx.remaining_ms(), kStopCheckMs));
    if (ready < 0 && errno != EINTR) return errno_error(errno, "wait for child");
    if (ready > 0) break;
    TRY(ctx.check());
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return errno_error(errno, "reap child");
  }
  pid_ = -1;
  ExitStatus result;
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.code = WEXITSTATUS(status);
  }
  return result;
}

Result<void> Child::signal(int number) {
  if (pid_ >= 0 && ::kill(pid_, number) != 0) return errno_error(errno, "signal child");
  return {};
}

Result<std::string> run_program(const Context& ctx, const RunOptions& options) {
  auto in = TRY(create_pipe());
  auto out = TRY(create_pipe());
  auto err = TRY(create_pipe());
  SpawnOptions spawn;
  spawn.argv = options.argv;
  spawn.descriptors = {{0, in.read_end.get()}, {1, out.write_end.get()}, {2, err.write_end.get()}};
  auto child = TRY(Child::spawn(spawn));
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  for (int fd : {in.write_end.get(), out.read_end.get(), err.read_end.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);

  std::string output;
  std::string errors;
  std::string_view input = options.input;
  std::array<char, 16384> buffer;
  auto drain = [&](UniqueFd& fd, std::string& into) {
    ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n > 0) into.append(buffer.data(), static_cast<std::size_t>(n));
    if (n == 0) fd.reset();
  };
  while (out.read_end.valid() || err.read_end.valid()) {
    TRY(ctx.check());
    if (input.empty()) in.write_end.reset();
    std::array<pollfd, 3> waiting{pollfd{in.write_end.get(), POLLOUT, 0}, pollfd{out.read_end.get(), POLLIN, 0},
                                  pollfd{err.read_end.get(), POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), std::min(ctx.remaining_ms(), 100)) < 0 && errno != EINTR) {
      return errno_error(errno, "poll");
    }
    if ((waiting[0].revents & (POLLOUT | POLLERR)) != 0) {
      ssize_t n = write_to_pipe(in.write_end.get(), input.substr(0, PIPE_BUF));
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      if (n < 0 && errno == EPIPE) input = {};
    }
    if (waiting[1].revents != 0) drain(out.read_end, output);
    if (waiting[2].revents != 0) drain(err.read_end, errors);
    if (output.size() > options.output_max) return make_error(Code::kOutOfRange, "{} printed too much", options.argv[0]);
    if (errors.size() > options.output_max) errors.resize(options.output_max);
  }
  auto status = TRY(child.wait(ctx));
  if (!status.success()) {
    return make_error(Code::kUnknown, "{}: {}: {}", options.argv[0], status.describe(), errors.empty() ? output : errors);
  }
  return output;
}

Result<void> give_way() {
  constexpr int kLowest = 19;
  constexpr int kThread = 1;                    // IOPRIO_WHO_PROCESS
  constexpr int kBestEffortLast = 2 << 13 | 7;  // linux/ioprio.h
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowest) != 0)
    return errno_error(errno, "lower a thread's priority");
  if (syscall(SYS_ioprio_set, kThread, 0, kBestEffortLast) != 0) return errno_error(errno, "lower a thread's disk priority");
  return {};
}

Result<std::string> self_executable() {
  std::array<char, PATH_MAX> path;
  ssize_t n = readlink("/proc/self/exe", path.data(), path.size());
  if (n < 0) return errno_error(errno, "readlink /proc/self/exe");
  return std::string(path.data(), static_cast<std::size_t>(n));
}

Result<std::uint64_t> open_files_max() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error(errno, "read the limit of open files");
  return std::uint64_t{limit.rlim_max};
}

Result<std::uint64_t> raise_open_files() {
  rlimit limit{};
  limit.rlim_max = TRY(open_files_max());
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error(errno, "raise the limit of open files");
  return std::uint64_t{limit.rlim_cur};
}

Result<std::string> host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return errno_error(errno, "read the host's name");
  return std::string(name.data());
}

}  // namespace zeropull::os
