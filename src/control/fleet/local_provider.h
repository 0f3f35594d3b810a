// LocalProvider: instances on the server's own machine. An instance is one process tree in its own network, mount, pid, ipc and
// uts namespaces (instance_init.h is its first process), with its own /run, containerd and agent, a veth of its type's rate to
// the server's bridge (local_network.h), a folder below `folder` as its disk and a folder of its own in every cgroup hierarchy.
//
//   <folder>/<instance id>/plan      its number and volumes, JSON, before anything else is made
//   <folder>/<instance id>/process   the identity of its first process, JSON
//   <folder>/<instance id>/disk      /var of the instance; logs in disk/log
//   <folder>/<instance id>/root      empty: what its root is mounted on, seen by the instance alone
//
// Instances outlive the server: killed at any point, it finds them by these files, and goes on with what runs or clears what
// was begun. Releasing kills the first process and removes the rest; no trace is left. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "control/fleet/instance_init.h"
#include "control/fleet/local_network.h"
#include "control/fleet/provider.h"
#include "os/process_handle.h"

namespace zeropull::fleet {

struct LocalProviderOptions {
  std::string folder;                     // a folder of the provider's own, on a local file system
  std::string program = {};               // the zeropull binary that instances run; this one when empty
  std::string bridge = "zpbr0";           // of this machine; made when it is not there
  std::string network = "10.201.0.0/16";  // the bridge has the first address, instances the following ones
  std::uint32_t instances_max = 16;       // at once, 1 to kLocalInstancesMax
  enum class Outbound { kMasqueraded, kOff } outbound = Outbound::kMasqueraded;
  // Files below /run and programs of an instance; containerd and a managed agent when empty.
  struct Boot {
    std::vector<InitFile> files;
    std::vector<InitProgram> programs;
  };
  std::function<Boot(const LaunchRequest&, const std::string& address)> boot = {};
};

// containerd with the agent as its snapshotter, and the agent with what it needs to join.
LocalProviderOptions::Boot agent_boot(const LaunchRequest& request, const std::string& address);

class LocalProvider final : public Provider {
 public:
  static Result<std::unique_ptr<LocalProvider>> create(const Context& ctx, LocalProviderOptions options);

  std::string_view name() const override { return "local"; }
  Result<Launched> launch(const Context& ctx, const LaunchRequest& request) override;
  Result<void> release(const Context& ctx, const std::string& instance_id) override;
  Result<std::vector<ProviderInstance>> list(const Context& ctx) override;

  // The server's own address on the bridge, where instances reach it.
  std::string gateway() const { return network_->server_address().text(); }
  // Takes the bridge away, unless there is an instance: for the end of a server that will not come back.
  Result<void> remove_network(const Context& ctx);

 private:
  struct Plan {
    std::uint32_t number = 0;
    std::vector<std::string> volumes;  // as the instance sees them
  };
  LocalProvider(LocalProviderOptions options, std::unique_ptr<LocalNetwork> network)
      : options_(std::move(options)), network_(std::move(network)) {}
  std::string folder_of(const std::string& id) const { return options_.folder + "/" + id; }
  Result<void> take_over();
  Result<Plan> make_plan(const LaunchRequest& request);
  Result<Plan> read_plan(const std::string& id) const;
  Result<os::ProcessHandle> open_process(const std::string& id) const;  // kNotFound when it does not run
  Result<os::UniqueFd> open_network(const std::string& id, pid_t pid) const;
  Result<void> end_processes(const Context& ctx, const std::string& id, os::ProcessHandle process) const;
  Result<void> start(const Context& ctx, const LaunchRequest& request, const Plan& plan);

  const LocalProviderOptions options_;
  const std::unique_ptr<LocalNetwork> network_;
  Guarded<std::map<std::uint32_t, std::string>> numbers_;  // instance ids
};

}  // namespace zeropull::fleet
