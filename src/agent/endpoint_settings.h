// EndpointSettings: what an instance must know of the endpoint that it serves to hold its artifacts: the key, where they come
// from and how much room they may take. A stand-alone agent makes it of its configuration, a managed one of what the control
// plane says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/desired_state.h"
#include "artifact/keys.h"
#include "base/result.h"
#include "http/address_guard.h"

namespace zeropull::agent {

// Whose logins an image's registry is given.
enum class Logins {
  kOfMachine,  // docker's configuration file and the machine's cloud credentials
  kOfAccount,  // EndpointSettings::accesses alone
};

struct EndpointSettings {
  std::string root;  // cache/ and volumes/ below it are made
  artifact::EndpointKey key;
  std::vector<std::string> volumes;  // asked in order
  std::vector<StoreConfig> stores;   // asked in order after the volumes
  RegistriesConfig registries = {};
  Logins logins = Logins::kOfMachine;
  std::vector<RegistryAccess> accesses = {};  // by host; each wins over `registries`
  Caching image_cache = Caching::kOn;         // kOff: neither volumes nor stores are asked for images, nor published to
  Caching model_cache = Caching::kOn;
  // Where registries' names and redirects may lead; asked for each image, since what is denied changes.
  std::function<http::AddressGuard()> guard = {};
  std::uint64_t budget_bytes = 0;  // for cached artifacts; 0: what the disk has, and nothing is evicted
  std::uint32_t jobs = 0;          // as in AgentConfig
  std::uint64_t layer_expanded_bytes_max = artifact::kLayerExpandedMax;
  std::uint32_t verify_volumes_after_s = 30;
  std::function<void()> on_published = {};  // an artifact is complete in a store now; from a background thread

  // Reads the key, or makes it when there is none.
  static Result<EndpointSettings> from(const AgentConfig& config);
};

}  // namespace zeropull::agent
