// Lease: all that an instance is for one endpoint: its catalogues of images and models with their keys, sources and budget, the
// mounts, the snapshotter in front of containerd, and the copies. It lies in a folder of its own below the agent's root, so that
// wipe() takes all of it away.
//
// create() adopts what an earlier agent's lease of the same endpoint left running. stop() and destruction leave copies and mounts
// as they are. Thread-safe; apply() blocks for short local work alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/config.h"
#include "agent/desired_state.h"
#include "agent/log_request.h"
#include "agent/report.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::agent {

struct LeaseOptions {
  AgentConfig config;
  std::string credential_file;  // certificate and key by which the store is asked, see ControlLink
  std::string authority_file;
  std::function<void()> on_change;  // something of report() has changed; must not block
};

class Lease {
 public:
  static Result<std::unique_ptr<Lease>> create(const Context& ctx, LeaseOptions options, const Endpoint& endpoint);
  virtual ~Lease() = default;  // stop()

  virtual const std::string& endpoint_uid() const = 0;
  // Whether apply() can follow what this endpoint says; else another lease of it takes this one's place.
  virtual bool suits(const Endpoint& endpoint) const = 0;
  // kInvalidArgument for what cannot be; what can be done of it is done.
  virtual Result<void> apply(const Context& ctx, const DesiredState& desired) = 0;
  // Copies, cached artifacts, disk; `generation` and the machine are the caller's.
  virtual Report report() const = 0;
  virtual Result<LogChunk> read_log(const LogRequest& request) const = 0;
  virtual void stop() = 0;  // idempotent
};

// Ends every copy and removes every mount, container, network and file of a lease, whether or not a Lease of it lives (then
// stop() was called). What is left is an error. Idempotent.
Result<void> wipe_lease(const Context& ctx, const AgentConfig& config, const std::string& endpoint_uid);

}  // namespace zeropull::agent
