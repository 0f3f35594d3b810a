// The room's logger.
#pragma once

#include "base/log.h"

namespace zeropull::scraper {

inline constexpr Logger kLog{"scraper"};

}  // namespace zeropull::scraper
