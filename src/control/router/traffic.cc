#include "control/router/traffic.h"

#include <algorithm>

namespace zeropull::router {

std::uint64_t Traffic::complete(Outcome outcome, Duration latency) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  completed_[static_cast<std::size_t>(outcome)].fetch_add(1, kRelaxed);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  latency_us_sum_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, us)), kRelaxed);
  const auto bucket = std::ranges::lower_bound(kLatencyBounds, latency) - kLatencyBounds.begin();
  latency_[static_cast<std::size_t>(bucket)].fetch_add(1, kRelaxed);
  return leave();
}

TrafficStats Traffic::read() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  TrafficStats stats;
  stats.arrivals = arrivals_.load(kRelaxed);
  stats.in_flight = in_flight_.load(kRelaxed);
  stats.held = held_.load(kRelaxed);
  stats.waited = waited_.load(kRelaxed);
  stats.without_copies = without_copies_.load(kRelaxed);
  for (std::size_t i = 0; i < kOutcomes; ++i) stats.completed[i] = completed_[i].load(kRelaxed);
  stats.latency_us_sum = latency_us_sum_.load(kRelaxed);
  for (std::size_t i = 0; i < latency_.size(); ++i) stats.latency[i] = latency_[i].load(kRelaxed);
  return stats;
}

}  // namespace zeropull::router
