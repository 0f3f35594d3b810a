// Agent: the wiring of an instance. It opens the catalog of images, the mounts, the snapshotter with its rows, and serves both
// containerd and the operator's commands on one Unix socket. Stopping or killing it disturbs no container and no mount.
#pragma once

#include <memory>

#include "agent/config.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::agent {

class Agent {
 public:
  // Returns once the socket serves.
  static Result<std::unique_ptr<Agent>> create(const Context& ctx, const AgentConfig& config);
  virtual ~Agent() = default;  // stop()
  virtual void stop() = 0;     // idempotent
};

}  // namespace zeropull::agent
