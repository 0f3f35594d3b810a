// EndpointSecrets: the data keys of endpoints, made and unwrapped under the master key. Thread-safe.
#pragma once

#include "artifact/keys.h"
#include "base/result.h"
#include "base/secret.h"
#include "control/state/records.h"
#include "identity/master_key.h"

namespace zeropull::server {

class EndpointSecrets {
 public:
  EndpointSecrets(const identity::MasterKey& master_key, Random& random) : master_key_(master_key), random_(random) {}

  std::string make(const std::string& endpoint_uid) const;       // a new key, wrapped
  Result<Secret> reveal(const state::Endpoint& endpoint) const;  // 32 bytes
  Result<artifact::EndpointKey> key(const state::Endpoint& endpoint) const;

 private:
  const identity::MasterKey& master_key_;
  Random& random_;
};

}  // namespace zeropull::server
