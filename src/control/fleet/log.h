// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::fleet {

inline constexpr Logger kLog{"fleet"};

}  // namespace zeropull::fleet
