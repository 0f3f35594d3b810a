// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::artifact {

inline constexpr Logger kLog{"artifact"};

}  // namespace zeropull::artifact
