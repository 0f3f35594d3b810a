// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::api {

inline constexpr Logger kLog{"api"};

}  // namespace zeropull::api
