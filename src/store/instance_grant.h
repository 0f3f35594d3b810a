// What an instance may do in a served store by its certificate alone (identity/instance_identity.h): read and write the folder
// that is called after its endpoint's uid, and nothing else. A StoreServer's certificate_grant; any thread.
#pragma once

#include <optional>

#include "http/server.h"
#include "store/tokens.h"

namespace zeropull::store {

// nullopt for whoever is no instance of an endpoint: no verified certificate, another name or more than one, leased to nobody.
std::optional<TokenGrant> instance_grant(const http::Peer& peer);

}  // namespace zeropull::store
