// Join tokens: 256 random bits as text, which a machine shows once to buy its first certificate. Whoever keeps them keeps the
// hash alone, with an expiry and whether it was used; there is no state here. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secret.h"

namespace zeropull::identity {

struct JoinToken {
  Secret text;       // "zpj-" and 64 hex digits; shown to the operator once
  std::string hash;  // what join_token_hash says of it
};
JoinToken make_join_token(Random& random);

// Hex SHA-256. Of 256 random bits it needs no salt and no stretching, and looking it up tells nothing by its time.
std::string join_token_hash(std::string_view text);

}  // namespace zeropull::identity
