// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::runtime {

inline constexpr Logger kLog{"runtime"};

}  // namespace zeropull::runtime
