// WireMeter: counts the bytes that come over the link for one artifact, and says so while they come, at most once a second: what
// a person who waits wants to see, and no more reports than he can read. add() is called from the transfer's threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "agent/control_limits.h"
#include "base/clock.h"

namespace zeropull::agent {

class WireMeter {
 public:
  using Tell = std::function<void(std::uint64_t bytes)>;  // from the transfer's threads, never two at once; must not block
  explicit WireMeter(Tell tell = {}, const Clock& clock = Clock::system()) : tell_(std::move(tell)), clock_(clock) {}

  void add(std::uint64_t bytes) {
    const auto total = bytes_.fetch_add(bytes) + bytes;
    if (!tell_ || telling_.test_and_set()) return;
    const auto now = clock_.steady_now();
    if (now >= next_) {
      next_ = now + kProgressEvery;
      tell_(total);
    }
    telling_.clear();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const Tell tell_;
  const Clock& clock_;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic_flag telling_;  // guards next_; who finds it set goes on
  SteadyTime next_ = {};
};

}  // namespace zeropull::agent
