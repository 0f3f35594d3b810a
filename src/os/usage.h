// Usage: what this process takes of its machine. Used by benches that judge themselves.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace zeropull::os {

// Seconds of processor time, of all threads, in user space and the kernel.
double used_cpu_seconds();

// Memory that it holds now, not at its highest.
Result<std::uint64_t> resident_bytes();

}  // namespace zeropull::os
