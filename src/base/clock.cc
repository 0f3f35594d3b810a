#include "base/clock.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace zeropull {

namespace {

class SystemClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

class SecureRandom final : public Random {
 public:
  void fill(MutableByteView out) override {
    while (!out.empty()) {
      ssize_t n = getrandom(out.data(), std::min<std::size_t>(out.size(), 256), 0);
      if (n < 0 && errno == EINTR) continue;
      CHECK(n > 0);
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }
};

}  // namespace

WallTime wall_time(std::int64_t seconds) {
  // A year less than it could hold: whoever compares with a tolerance adds to it.
  constexpr auto kMax = std::chrono::floor<std::chrono::years>(WallTime::max().time_since_epoch()) - std::chrono::years(1);
  constexpr auto kSecondsMax = std::chrono::duration_cast<std::chrono::seconds>(kMax).count();
  return WallTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kSecondsMax)));
}

Clock& Clock::system() {
  static SystemClock clock;
  return clock;
}

std::uint64_t Random::next() {
  std::uint64_t value;
  fill({reinterpret_cast<std::byte*>(&value), sizeof value});
  return value;
}

Random& Random::secure() {
  static SecureRandom random;
  return random;
}

}  // namespace zeropull
