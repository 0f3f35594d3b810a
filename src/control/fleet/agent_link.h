// AgentLink: the reconcilers' way to the agents, by the name under which an agent dials in: the instance's id, or of a machine of
// provider `static` the machine's. The hub (agent_hub.h) is behind it; tests put agents of their own there. Thread-safe; nothing
// waits. What agents say comes to Reconciler::report() and disconnected().
#pragma once

#include <string>

#include "agent/desired_state.h"

namespace zeropull::fleet {

class AgentLink {
 public:
  virtual ~AgentLink() = default;
  // Kept, and sent now and at each of its later connections.
  virtual void send_desired(const std::string& agent, const agent::DesiredState& desired) = 0;
  virtual void forget(const std::string& agent) = 0;
};

}  // namespace zeropull::fleet
