#include "control/state/ids.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace zeropull::state {

std::string random_hex(Random& random, std::size_t bytes) {
  Bytes made(bytes);
  random.fill(made);
  return to_hex(made);
}

std::string random_uuid(Random& random) {
  auto hex = random_hex(random, 16);
  hex[12] = '4';
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20));
}

}  // namespace zeropull::state
