// MasterKey: the 32 random bytes under which endpoints' keys and access keys' secrets rest in the state (AES-256-GCM, 96 random
// bits of nonce). What a wrapped secret belongs to is associated data: moved to another record it does not unwrap. The file has
// mode 0600 and should lie elsewhere than backups of the state. Immutable; any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace zeropull::identity {

class MasterKey {
 public:
  // Makes the file with a new random key when it is absent; its folder must exist. kFailedPrecondition for a file that others may
  // read or that has another size.
  static Result<MasterKey> load_or_create(const std::string& path, Random& random);

  // Text for a JSON record: "v1:" and hex of nonce, ciphertext and tag. `owner` says what it belongs to: "endpoint/<uid>".
  std::string wrap(const Secret& secret, std::string_view owner, Random& random) const;
  // kDataLoss when anything was changed, or it was wrapped under another key or for another owner.
  Result<Secret> unwrap(std::string_view wrapped, std::string_view owner) const;

 private:
  explicit MasterKey(Secret key) : key_(std::move(key)) {}
  Secret key_;
};

}  // namespace zeropull::identity
