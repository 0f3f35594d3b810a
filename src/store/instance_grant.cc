#include "store/instance_grant.h"

namespace zeropull::store {

std::optional<TokenGrant> instance_grant(const http::Peer& peer, const HoldsLease& holds_lease) {
  if (!peer.authenticated || peer.certificate_uris.size() != 1) return std::nullopt;
  auto identity = identity::InstanceIdentity::parse(peer.certificate_uris.front());
  if (!identity.ok() || !identity->leased() || !holds_lease(*identity)) return std::nullopt;
  auto folder = ObjectName::parse(identity->endpoint_uid);
  if (!folder.ok()) return std::nullopt;
  return TokenGrant{.access = TokenAccess::kWrite, .folder = std::move(folder).take()};
}

}  // namespace zeropull::store
