// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::autoscaler {

inline constexpr Logger kLog{"autoscaler"};

}  // namespace zeropull::autoscaler
