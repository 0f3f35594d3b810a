// The proof of a wipe: that an agent which held the lease of an endpoint took it away. While a lease lives, a key derived from
// the endpoint's (and telling nothing of it) lies beside it; whoever wipes reads it first, removes everything, itself included,
// and answers with an HMAC under it. The control plane, which has the endpoint's key, computes the same. Pure.
//
// A proof is kept on the machine until the next lease begins, beside the agent's credential: whoever lost the one has lost the
// other, and is no longer this machine. So an agent that has no lease on record and shows the proof of the lease before the last
// ("" before its first) was never told of the last, which is as good.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace zeropull::agent {

// Hex of HMAC-SHA-256(endpoint key, "zeropull-wipe-key-v1").
std::string wipe_key(const Secret& endpoint_key);
// Hex of HMAC-SHA-256(wipe key, "zeropull-wipe-v1\n" instance "\n" endpoint uid): of this instance and this creation of the
// endpoint.
std::string wipe_proof(std::string_view wipe_key, std::string_view instance_id, std::string_view endpoint_uid);

}  // namespace zeropull::agent
