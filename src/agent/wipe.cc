#include "agent/wipe.h"

#include "base/bytes.h"
#include "codec/digest.h"

namespace zeropull::agent {

std::string wipe_key(const Secret& endpoint_key) {
  return codec::hmac_sha256(as_bytes(endpoint_key.reveal()), {as_bytes("zeropull-wipe-key-v1")}).hex();
}

std::string wipe_proof(std::string_view wipe_key, std::string_view instance_id, std::string_view endpoint_uid) {
  return codec::hmac_sha256(as_bytes(wipe_key),
                            {as_bytes("zeropull-wipe-v1\n"), as_bytes(instance_id), as_bytes("\n"), as_bytes(endpoint_uid)})
      .hex();
}

}  // namespace zeropull::agent
