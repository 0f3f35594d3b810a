// ManagedAgent: an instance of a control plane. It keeps the line to it (control_link.h) and converges on each desired state:
// while the instance is leased to an endpoint there is one Lease; when the endpoint changes, or there is none any more, the old
// lease's copies are ended and everything of it is wiped before anything else happens.
//
// One thread of its own takes desired states, the newest only. Stopping or killing the agent disturbs no copy: the lease's
// endpoint is written down, and its key comes again with the next desired state.
#pragma once

#include "agent/agent.h"

namespace zeropull::agent {

// `config.control` is set. Returns once the line is being dialled.
Result<std::unique_ptr<Agent>> create_managed_agent(const Context& ctx, const AgentConfig& config);

}  // namespace zeropull::agent
