// Reconciler: makes the fleet what the records say it shall be. Level-triggered: whenever a record of an endpoint changes, an
// agent reports or a second has passed, the endpoint's records are read, the steps (steps.h) say what changes, that is committed,
// and what has to be done outside follows from what is then committed: launch, release, resolve, complete a volume, purge, tell
// agents and router. Nothing is remembered but what is learned again, so a restart at any point goes on.
//
// One thread runs the steps, the executor's threads what waits; at most one piece of work for one object at a time. report() and
// disconnected() come from the hub's threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "control/fleet/agent_link.h"
#include "control/fleet/desired.h"
#include "control/fleet/draft.h"
#include "control/fleet/policy.h"
#include "control/fleet/provider.h"
#include "control/router/table.h"
#include "control/state/state.h"

namespace zeropull::fleet {

// What the reconcilers ask of other rooms; all of it thread-safe and idempotent. Set all of them.
struct FleetHooks {
  // The image with its tag resolved to a digest: "host/repo@sha256:..". kUnavailable and the like are tried again, any other
  // error is the reason of a failed deployment.
  std::function<Result<std::string>(const Context&, const state::Endpoint&, const std::string& image)> resolve_image;
  std::function<Result<EndpointAccess>(const state::Endpoint&)> access;
  // Cache volumes of the endpoint, on the server's machine, that a new instance is to have.
  std::function<std::vector<std::string>(const state::Endpoint&)> volumes;
  // Folders of the server's machine from which the endpoint's account may have models.
  std::function<std::vector<std::string>(const state::Endpoint&)> model_folders;
  // Brings what the endpoint's store has into its volume.
  std::function<Result<void>(const Context&, const state::Endpoint&)> complete_volume;
  // Removes the endpoint's prefix in the store and its volume.
  std::function<Result<void>(const Context&, const state::Endpoint&)> purge;
  // When it returns, requests go by this table.
  std::function<void(const router::RoutingTable&)> apply_routes;
  std::function<std::uint64_t(const std::string& copy_id)> in_flight;
  // A report of a machine that no endpoint has; provider static.
  std::function<void(const std::string& agent, const agent::Report&)> unleased_report;
};

struct ReconcilerParts {
  state::State& state;
  Provider& provider;
  AgentLink& agents;
  Executor& executor;
  const InstanceTypes& types;
  FleetPolicy policy;
  FleetHooks hooks;
  std::string control_address, authority_pem;  // that launched agents are given
  Clock& clock = Clock::system();
  Random& random = Random::secure();
};

class Reconciler {
 public:
  explicit Reconciler(ReconcilerParts parts);
  ~Reconciler();  // stop()

  void start();  // the thread; tests call run_once() instead
  void stop();   // idempotent

  void report(const std::string& agent, agent::Report report);
  void disconnected(const std::string& agent);
  void wake(const std::string& endpoint_uid);
  // The last report of each instance, by instance id; empty for those that have not reported since the server's start.
  std::map<std::string, std::shared_ptr<const agent::Report>> reports(const std::vector<std::string>& instance_ids);
  // A copy's phases as its agent has told them last, with what came of a download that runs; its record's until one was heard.
  std::vector<state::PhaseRecord> live_phases(const state::Copy& copy);

  // Reconciles the endpoints that were woken, or all of them. An error is of the disk.
  enum class Which { kWoken, kAll };
  Result<void> run_once(const Context& ctx, Which which);
  // Compares what the provider has with what the records say: what nobody knows is released.
  Result<void> sweep(const Context& ctx);

 private:
  friend class Actions;
  struct Sight {
    InstanceSight seen;
    std::uint64_t generation = 0;  // of the desired state that was sent last
    std::string fingerprint;
  };
  struct Memory {
    std::map<std::string, Sight> instances;
    std::map<std::string, SteadyTime> unhealthy_since;
    std::map<std::string, Denial> denied;
    std::map<std::string, int> attempts;      // of launches and resolutions that failed
    std::map<std::string, SteadyTime> later;  // work that is not to be begun before
    std::set<std::string> busy;               // work that runs
    std::set<std::string> completed;          // published artifacts that were brought into the volume
    std::set<std::string> woken;
    std::shared_ptr<const std::set<std::string>> routed = std::make_shared<const std::set<std::string>>();
    std::map<std::string, router::EndpointRoute> routes;  // by endpoint uid
    bool routes_changed = true;
  };

  state::Millis now() const;  // for what is kept; all else goes by the steady clock
  SteadyTime steady() const { return parts_.clock.steady_now(); }
  void loop(std::stop_token stop);
  Observed observe(const std::string& endpoint_uid);
  Result<void> reconcile_endpoint(const Context& ctx, const std::string& endpoint_uid);
  void follow(const std::string& endpoint_uid);
  void tell_agents(const state::View& view, const state::Ptr<state::Endpoint>& endpoint);
  void apply_routes();
  void work(const std::string& key, std::function<void(const Context&)> job);

  ReconcilerParts parts_;
  const SteadyTime started_;
  Guarded<Memory> memory_;
  std::unique_ptr<state::State::Subscription> subscription_;
  std::stop_source stopping_;
  std::jthread thread_;
};

}  // namespace zeropull::fleet
