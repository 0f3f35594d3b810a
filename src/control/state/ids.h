// Random names of what is made: nobody gets one twice.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"

namespace zeropull::state {

// "<hex>": `bytes` random bytes.
std::string random_hex(Random& random, std::size_t bytes);
// "6f0b1c1e-5d3d-4a53-9f0e-0e6a5b8f3a11", of version 4.
std::string random_uuid(Random& random);

}  // namespace zeropull::state
