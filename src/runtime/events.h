// What containerd tells of tasks as it happens. One blocking call per subscription, made on a thread of the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/containerd_client.h"

namespace zeropull::runtime {

struct TaskExit {
  std::string container_id;
  std::string exec_id;  // the container's own id for its init process
  std::uint32_t pid = 0;
  std::uint32_t exit_status = 0;
};

// Calls `on_exit` for every process of a task that ends in the client's namespace, on the calling thread, until the context ends
// (kCancelled, kDeadlineExceeded) or the connection breaks (kUnavailable). Events of before the subscription are not told.
Result<void> watch_task_exits(const Context& ctx, const ContainerdClient& client,
                              const std::function<void(const TaskExit&)>& on_exit);

}  // namespace zeropull::runtime
