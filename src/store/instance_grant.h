// What an instance may do in a served store by its certificate alone (identity/instance_identity.h): read and write the folder
// that is called after its endpoint's uid, and nothing else, as long as it is leased to that endpoint: a certificate outlives the
// lease that it was made for by up to an hour. What a StoreServer's certificate_grant is made of; any thread.
#pragma once

#include <functional>
#include <optional>

#include "http/server.h"
#include "identity/instance_identity.h"
#include "store/tokens.h"

namespace zeropull::store {

// Whether the instance is leased to that endpoint now; must not block.
using HoldsLease = std::function<bool(const identity::InstanceIdentity&)>;

// nullopt for whoever is no instance of an endpoint: no verified certificate, another name or more than one, leased to nobody or
// no longer to this one.
std::optional<TokenGrant> instance_grant(const http::Peer& peer, const HoldsLease& holds_lease);

}  // namespace zeropull::store
