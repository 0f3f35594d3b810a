// Joins: who gets a certificate. A join token buys one, once: for the instance that it was made for, or for a machine that comes
// into the pool of provider `static`. A certificate is renewed for whom the instance is leased to now. Thread-safe.
#pragma once

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "control/fleet/agent_hub.h"
#include "control/state/state.h"
#include "http/address_guard.h"
#include "identity/authority.h"

namespace zeropull::server {

class Joins {
 public:
  // All outlive it. `machines`: where machines of the pool may be although their connections come from elsewhere (NAT, a
  // second link).
  Joins(state::State& state, const identity::Authority& authority, Clock& clock, Random& random,
        std::vector<http::IpNetwork> machines = {})
      : state_(state), authority_(authority), clock_(clock), random_(random), machines_(std::move(machines)) {}

  // kPermissionDenied for a token that is unknown, too old, or was used for another request, and for a machine that says it is
  // where it is not seen to be: the router sends requests to that address. Such a token is not used up.
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
  Result<void> check_address(const fleet::JoinCall& call) const;

  state::State& state_;
  const identity::Authority& authority_;
  Clock& clock_;
  Random& random_;
  const std::vector<http::IpNetwork> machines_;
};

}  // namespace zeropull::server
