#include "base/ids.h"

#include <algorithm>

namespace zeropull {

std::optional<Sha256> Sha256::from_hex(std::string_view hex) {
  if (hex.size() != kSize * 2) return std::nullopt;
  auto bytes = zeropull::from_hex(hex);
  if (!bytes) return std::nullopt;
  Sha256 value;
  std::copy(bytes->begin(), bytes->end(), value.bytes.begin());
  return value;
}

}  // namespace zeropull
