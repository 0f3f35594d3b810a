// StaticProvider: a pool of machines whose agents registered themselves (registration.h). Launching leases a free one to one
// endpoint; releasing ends the lease and tells the agent to wipe. A machine is leased again only when its agent has proven that
// nothing of the endpoint is left (agent/wipe.h); until then nobody has it. Leases are records, so they survive the server.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/report.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "control/fleet/agent_link.h"
#include "control/fleet/provider.h"
#include "control/state/state.h"

namespace zeropull::fleet {

struct StaticProviderParts {
  state::State& state;
  AgentLink& agents;
  // What the machine will prove the wipe of this lease by, see agent/wipe.h; kept with the lease, since the endpoint's key may be
  // gone when it comes.
  std::function<Result<std::string>(const state::Machine&, const state::Instance&)> proof_of_wipe;
  const Clock& clock = Clock::system();
};

class StaticProvider final : public Provider {
 public:
  explicit StaticProvider(StaticProviderParts parts) : parts_(std::move(parts)) {}

  std::string_view name() const override { return "static"; }
  // The handle is the machine's id. kResourceExhausted says how many machines of the type are leased, being wiped and silent.
  Result<Launched> launch(const Context& ctx, const LaunchRequest& request) override;
  Result<void> release(const Context& ctx, const std::string& instance_id) override;
  Result<std::vector<ProviderInstance>> list(const Context& ctx) override;

  // FleetHooks::unleased_report: of a machine that no instance is on.
  void report(const std::string& machine_id, const agent::Report& report);

 private:
  struct Pool {
    std::map<std::string, SteadyTime> heard;               // by machine, while it is not leased
    std::map<std::string, std::uint64_t> wipe_generation;  // of the desired state that asks for the wipe
  };
  void ask_for_wipe(const std::string& machine_id, std::uint64_t seen_generation);
  StaticProviderParts parts_;
  Guarded<Pool> pool_;
};

}  // namespace zeropull::fleet
