// What an instance's agent is told: the complete desired state, computed from records alone. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/desired_state.h"
#include "control/fleet/instance_types.h"
#include "control/fleet/policy.h"
#include "control/state/state.h"

namespace zeropull::fleet {

// Tags that switch an endpoint's caches off, by the value "off".
inline constexpr std::string_view kImageCacheTag = "zeropull:image-cache";
inline constexpr std::string_view kModelCacheTag = "zeropull:model-cache";
bool is_off(const state::Tags& tags, std::string_view tag);

// Environment variables of a container that ask for a warm-up request: a POST to /invocations that must succeed before the copy
// is ready.
inline constexpr const char* kWarmUpBody = "ZEROPULL_WARM_UP_BODY";
inline constexpr const char* kWarmUpContentType = "ZEROPULL_WARM_UP_CONTENT_TYPE";

// What the server's configuration and its secrets say of an endpoint.
struct EndpointAccess {
  Secret key;             // the endpoint's data key
  std::string store_url;  // "" for none
  std::vector<std::string> router_addresses, denied_networks, allowed_addresses;
  std::vector<agent::RegistryAccess> registries;  // of the account
  agent::S3Access s3;                             // of the account
  std::vector<std::string> allowed_folders;       // of the account
  agent::Outbound outbound = agent::Outbound::kOff;
  std::uint64_t disk_budget_bytes = 0;
};

struct DesiredInput {
  const state::Endpoint& endpoint;
  const state::Instance& instance;
  const state::List<state::Component>& components;  // of the endpoint
  const state::List<state::Copy>& copies;           // of the instance
  const EndpointAccess& access;
  const InstanceTypes& types;
  const FleetPolicy& policy;
};
// Without a generation: the sender numbers them.
agent::DesiredState desired_state(const DesiredInput& in);

// Equal for equal states, whatever their generation; hex.
std::string fingerprint(const agent::DesiredState& desired);

// The name under which an instance's agent dials in.
const std::string& agent_of(const state::Instance& instance);

}  // namespace zeropull::fleet
