// Child processes: started by exec alone (never a bare fork of a threaded process), with exactly the descriptors they are given,
// and ended with their parent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "os/fd.h"

namespace zeropull::os {

struct SpawnOptions {
  std::vector<std::string> argv;                        // argv[0] is a path, or a name looked up in PATH
  std::map<int, int> descriptors;                       // the child's number -> ours; 0, 1, 2 default to ours of that number
  std::optional<std::vector<std::string>> environment;  // ours when absent
  bool die_with_parent = true;                          // SIGKILL when the spawning thread's process ends
  bool own_group = false;                               // a terminal's Ctrl-C then comes to us alone
  int namespaces = 0;                                   // CLONE_NEWNET and the like: the child is the first process in new ones
};

struct ExitStatus {
  int code = 0;    // exit code, when signal is 0
  int signal = 0;  // the signal that ended it, or 0
  bool success() const { return code == 0 && signal == 0; }
  std::string describe() const;  // "exit code 3" or "signal 9"
};

// Owns a running child. Destruction kills it and reaps it.
class Child {
 public:
  static Result<Child> spawn(const SpawnOptions& options);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
  Child& operator=(Child&&) = delete;
  ~Child();
  pid_t pid() const { return pid_; }
  Result<ExitStatus> wait(const Context& ctx);  // kDeadlineExceeded or kCancelled leave it running
  Result<void> signal(int number);
  pid_t leave_running() && { return std::exchange(pid_, -1); }  // it lives on without an owner

 private:
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;  // -1 once reaped
  UniqueFd pidfd_;
};

// Runs a program to its end and returns what it printed; a non-zero exit is kUnknown with its standard error in the message,
// or its output when it printed no error.
struct RunOptions {
  std::vector<std::string> argv;
  std::string input;  // given on standard input
  std::size_t output_max = 1 << 20;
};
Result<std::string> run_program(const Context& ctx, const RunOptions& options);

// "/proc/self/exe" resolved: how a program starts a sandboxed child of itself.
Result<std::string> self_executable();

// The calling thread, and threads that it starts, give way to everything else: the lowest niceness, the last disk priority.
Result<void> give_way();

// How many descriptors a child of this process may be allowed: without CAP_SYS_RESOURCE nobody can have more.
Result<std::uint64_t> open_files_max();
// Lets this process have as many as that, whatever it was started with: a login shell gives 1,024. Children inherit it.
Result<std::uint64_t> raise_open_files();

Result<std::string> host_name();  // of this UTS namespace

}  // namespace zeropull::os
