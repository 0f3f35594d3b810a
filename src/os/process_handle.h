// A process that we did not start, or started in an earlier life of this program, named so that no other can be taken for it: its
// number is given anew once it has ended, its number with the moment of its start is not. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "os/fd.h"

namespace zeropull::os {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot: field 22 of proc(5) stat
  std::string boot_id;            // of the machine's boot
  bool operator==(const ProcessIdentity&) const = default;
};
Result<ProcessIdentity> identify_process(pid_t pid);  // kNotFound

class ProcessHandle {
 public:
  static Result<ProcessHandle> open(const ProcessIdentity& identity);  // kNotFound when it has ended, reaped or not
  pid_t pid() const { return pid_; }
  Result<void> kill();                    // SIGKILL
  Result<void> wait(const Context& ctx);  // until it has ended; reaps a child of ours

 private:
  ProcessHandle(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;
};

}  // namespace zeropull::os
