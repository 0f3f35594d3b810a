// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::router {

inline constexpr Logger kLog{"router"};

}  // namespace zeropull::router
