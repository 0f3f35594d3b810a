// Joins: who gets a certificate. A join token buys one, once: for the instance that it was made for, or for a machine that comes
// into the pool of provider `static`. A certificate is renewed for whom the instance is leased to now. Thread-safe.
#pragma once

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "control/fleet/agent_hub.h"
#include "control/state/state.h"
#include "identity/authority.h"

namespace zeropull::server {

class Joins {
 public:
  // All outlive it.
  Joins(state::State& state, const identity::Authority& authority, Clock& clock, Random& random)
      : state_(state), authority_(authority), clock_(clock), random_(random) {}

  // kPermissionDenied for a token that is unknown, too old, or was used for another request.
  Result<identity::SignedCertificate> join(const Context& ctx, const fleet::JoinCall& call);
  // kPermissionDenied for an instance that is gone.
  Result<identity::SignedCertificate> renew(const Context& ctx, const fleet::RenewCall& call);

  // Whether it is leased, now, to the endpoint that its certificate names.
  bool holds_lease(const identity::InstanceIdentity& who) const;

  struct NewToken {
    Secret text;
    state::JoinToken record;
  };
  // For a machine of the pool.
  Result<NewToken> issue(const Context& ctx, Duration lifetime);

 private:
  state::State& state_;
  const identity::Authority& authority_;
  Clock& clock_;
  Random& random_;
};

}  // namespace zeropull::server
