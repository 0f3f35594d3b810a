// The records' time of a moment. Pure.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "control/state/records.h"

namespace zeropull::state {

inline Millis millis_of(WallTime time) { return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

}  // namespace zeropull::state
