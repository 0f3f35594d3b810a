#include "control/server/endpoint_secrets.h"

#include <array>

#include "base/bytes.h"

namespace zeropull::server {

namespace {
std::string owner_of(const std::string& endpoint_uid) { return "endpoint/" + endpoint_uid; }
}  // namespace

std::string EndpointSecrets::make(const std::string& endpoint_uid) const {
  std::string key(artifact::SecretKey::kSize, '\0');
  random_.fill({reinterpret_cast<std::byte*>(key.data()), key.size()});
  return master_key_.wrap(Secret(std::move(key)), owner_of(endpoint_uid), random_);
}

Result<Secret> EndpointSecrets::reveal(const state::Endpoint& endpoint) const {
  auto key =
      TRY(master_key_.unwrap(endpoint.wrapped_key, owner_of(endpoint.uid)).with_context("the key of endpoint {}", endpoint.uid));
  if (key.reveal().size() != artifact::SecretKey::kSize) {
    return make_error(Code::kDataLoss, "the key of endpoint {} has {} bytes", endpoint.uid, key.reveal().size());
  }
  return key;
}

Result<artifact::EndpointKey> EndpointSecrets::key(const state::Endpoint& endpoint) const {
  auto secret = TRY(reveal(endpoint));
  return artifact::EndpointKey(artifact::SecretKey(as_bytes(secret.reveal())));
}

}  // namespace zeropull::server
