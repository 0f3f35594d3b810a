// Clock and Random are passed in, so that a test drives time and every run repeats from a printed seed.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/bytes.h"

namespace zeropull {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Seconds since the epoch, as outside data states them, as the nearest WallTime between the epoch and the year 2260; nanoseconds
// end two years later.
WallTime wall_time(std::int64_t seconds);

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady_now() const = 0;
  virtual WallTime wall_now() const = 0;
  static Clock& system();  // the machine's clocks
};

// Thread-safe source of random bytes.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteView out) = 0;
  std::uint64_t next();
  static Random& secure();  // getrandom(2): keys, nonces, tokens
};

}  // namespace zeropull
