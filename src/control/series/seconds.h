// Whole seconds since the epoch, which is how points are filed.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace zeropull::series {

inline std::int64_t seconds_of(WallTime at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }
inline WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
// Towards the past, also before the epoch.
constexpr std::int64_t round_down(std::int64_t value, std::int64_t step) {
  const auto rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}
constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) { return -round_down(-value, step); }

}  // namespace zeropull::series
