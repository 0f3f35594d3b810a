#include "store/instance_grant.h"

#include "identity/instance_identity.h"

namespace zeropull::store {

std::optional<TokenGrant> instance_grant(const http::Peer& peer) {
  if (!peer.authenticated || peer.certificate_uris.size() != 1) return std::nullopt;
  auto identity = identity::InstanceIdentity::parse(peer.certificate_uris.front());
  if (!identity.ok() || !identity->leased()) return std::nullopt;
  auto folder = ObjectName::parse(identity->endpoint_uid);
  if (!folder.ok()) return std::nullopt;
  return TokenGrant{.access = TokenAccess::kWrite, .folder = std::move(folder).take()};
}

}  // namespace zeropull::store
