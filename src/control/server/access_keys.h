// AccessKeys: the keys by which callers of the API sign. An account exists as long as a key of it was ever made; its number is
// chosen here. Secrets rest wrapped under the master key and are shown once, when a key is made. Thread-safe.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "control/state/state.h"
#include "identity/master_key.h"

namespace zeropull::server {

struct NewAccessKey {
  state::AccessKey key;
  Secret secret;
};

class AccessKeys {
 public:
  // All of them outlive this.
  AccessKeys(state::State& state, const identity::MasterKey& master_key, Clock& clock, Random& random)
      : state_(state), master_key_(master_key), clock_(clock), random_(random) {}

  // `account`: twelve digits, or empty for a new one. kInvalidArgument for another form.
  Result<NewAccessKey> create(const Context& ctx, const std::string& account, const std::string& name);
  Result<void> revoke(const Context& ctx, const std::string& id);  // kNotFound; fine when it is revoked already

 private:
  std::string unused_account() const;
  state::State& state_;
  const identity::MasterKey& master_key_;
  Clock& clock_;
  Random& random_;
};

}  // namespace zeropull::server
