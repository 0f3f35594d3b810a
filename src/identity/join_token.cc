#include "identity/join_token.h"

#include <openssl/sha.h>

#include <array>

#include "base/bytes.h"
#include "base/ids.h"

namespace zeropull::identity {

JoinToken make_join_token(Random& random) {
  std::array<std::byte, 32> bits;
  random.fill(bits);
  JoinToken token{.text = Secret("zpj-" + to_hex(bits)), .hash = {}};
  token.hash = join_token_hash(token.text.reveal());
  return token;
}

std::string join_token_hash(std::string_view text) {
  Sha256 hash;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(hash.bytes.data()));
  return hash.hex();
}

}  // namespace zeropull::identity
