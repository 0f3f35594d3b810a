// FakeClock: wall time that a test moves, for what expires. Steady time stays the machine's: real waits are measured by it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace zeropull::oci {

class FakeClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return Clock::system().steady_now(); }
  WallTime wall_now() const override { return now_; }
  void advance(Duration by) { now_ = now_.load() + by; }

 private:
  std::atomic<WallTime> now_ = std::chrono::system_clock::from_time_t(1'700'000'000);
};

}  // namespace zeropull::oci
