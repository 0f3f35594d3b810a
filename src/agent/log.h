// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::agent {

inline constexpr Logger kLog{"agent"};

}  // namespace zeropull::agent
