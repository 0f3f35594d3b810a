// Tasks: what runs. A task is the processes of one container: created (the runtime has made the namespaces and mounted the root),
// started, ended, and deleted. Thread-safe; each method is one call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/containerd_client.h"
#include "runtime/snapshots.h"

namespace zeropull::runtime {

struct NewTask {
  std::string container_id;
  std::vector<Mount> rootfs;
  // FIFOs or URIs ("file:///path") of containerd's shim; "" for none.
  std::string standard_input = {};
  std::string standard_output = {};
  std::string standard_error = {};
};

struct Kill {
  std::string container_id;
  int signal;
  enum class Whom { kInit, kAll } whom = Whom::kInit;
};

enum class TaskStatus { kCreated, kRunning, kStopped, kOther };  // kOther: paused, or not known to containerd
struct TaskState {
  TaskStatus status = TaskStatus::kOther;
  std::uint32_t pid = 0;
  std::uint32_t exit_code = 0;  // of a stopped one
};

class Tasks {
 public:
  explicit Tasks(ContainerdClient client) : client_(std::move(client)) {}
  Result<std::uint32_t> create(const Context& ctx, const NewTask& task) const;         // the init process's number
  Result<TaskState> state(const Context& ctx, const std::string& container_id) const;  // kNotFound
  Result<void> start(const Context& ctx, const std::string& container_id) const;
  // The exit code; 128 plus the signal's number for a process that a signal ended. Waits as long as the context lives.
  Result<std::uint32_t> wait(const Context& ctx, const std::string& container_id) const;
  Result<void> kill(const Context& ctx, const Kill& kill) const;  // kNotFound when it has ended
  Result<void> close_input(const Context& ctx, const std::string& container_id) const;
  Result<void> remove(const Context& ctx, const std::string& container_id) const;  // fails while it runs

 private:
  ContainerdClient client_;
};

}  // namespace zeropull::runtime
