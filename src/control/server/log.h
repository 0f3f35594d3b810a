// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::server {

inline constexpr Logger kLog{"server"};

}  // namespace zeropull::server
