// EndpointServices: what the reconciler asks of the rest of the server for one endpoint (fleet::FleetHooks): its access, its
// images' digests, its cache volume, its purge. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "artifact/artifact_name.h"
#include "base/context.h"
#include "base/result.h"
#include "control/fleet/reconciler.h"
#include "control/server/config.h"
#include "control/server/endpoint_secrets.h"
#include "http/address_guard.h"
#include "oci/registry.h"
#include "store/folder_store.h"

namespace zeropull::server {

// Where an endpoint's instances find the server, and what they must not reach beside that.
struct Surroundings {
  std::string store_url;
  std::vector<std::string> router_addresses;
  std::vector<std::string> denied_networks;  // CIDRs: instances, the control plane's own addresses
};

// The endpoint tag that keeps its cache volume from being used, by the value "off".
inline constexpr std::string_view kVolumeTag = "zeropull:cache-volume";

class EndpointServices {
 public:
  // config, state, secrets and store outlive it.
  static Result<std::unique_ptr<EndpointServices>> create(const ServeConfig& config, state::State& state,
                                                          const EndpointSecrets& secrets, store::FolderStore& store,
                                                          Surroundings surroundings);

  Result<std::string> resolve_image(const Context& ctx, const state::Endpoint& endpoint, const std::string& image) const;
  Result<fleet::EndpointAccess> access(const state::Endpoint& endpoint) const;
  std::vector<std::string> volumes(const state::Endpoint& endpoint) const;
  bool volume_has(const state::Endpoint& endpoint, const artifact::ArtifactName& artifact) const;
  Result<void> complete_volume(const Context& ctx, const state::Endpoint& endpoint);
  Result<void> purge(const Context& ctx, const state::Endpoint& endpoint);

 private:
  EndpointServices(const ServeConfig& config, state::State& state, const EndpointSecrets& secrets, store::FolderStore& store,
                   Surroundings surroundings, http::AddressRules rules, std::vector<http::IpNetwork> pool)
      : config_(config),
        state_(state),
        secrets_(secrets),
        store_(store),
        surroundings_(std::move(surroundings)),
        rules_(std::move(rules)),
        pool_(std::move(pool)) {}
  // Those of the surroundings, and the machines of the pool, which are known one after the other.
  std::vector<std::string> denied_networks() const;
  http::AddressGuard guard() const;
  std::string volume_of(const state::Endpoint& endpoint) const { return config_.root + "/volumes/" + endpoint.uid; }

  const ServeConfig& config_;
  state::State& state_;
  const EndpointSecrets& secrets_;
  store::FolderStore& store_;
  const Surroundings surroundings_;
  const http::AddressRules rules_;  // without the pool's machines
  const std::vector<http::IpNetwork> pool_;
};

}  // namespace zeropull::server
