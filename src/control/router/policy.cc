#include "control/router/policy.h"

#include <algorithm>

namespace zeropull::router {

namespace {

constexpr double kFirstShare = 0.1;

// In [0, 1): the upper 53 bits.
double unit(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

// The first index at which the running sum of weight(0..) passes `point`; the last one with a weight where rounding hid it.
template <typename Weight>
std::size_t index_at(double point, std::size_t count, Weight weight) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (weight(i) <= 0) continue;
    last = i;
    point -= weight(i);
    if (point < 0) break;
  }
  return last;
}

class RandomPolicy final : public RoutingPolicy {
 public:
  std::size_t choose(std::span<const Candidate> candidates, std::uint64_t random) const override {
    double sum = 0;
    for (const auto& candidate : candidates) sum += candidate.share;
    return index_at(unit(random) * sum, candidates.size(), [&](std::size_t i) { return candidates[i].share; });
  }
};

// Fewest requests in flight, each counted as more on a copy that is new, which so gets one at a time at once and more as its
// share grows. Ties are broken at random: without that, callers that come one after the other would all go to the first copy.
class LeastOutstandingPolicy final : public RoutingPolicy {
 public:
  std::size_t choose(std::span<const Candidate> candidates, std::uint64_t random) const override {
    const std::size_t first = random % candidates.size();
    std::size_t best = first;
    double least = load(candidates[first]);
    for (std::size_t step = 1; step < candidates.size(); ++step) {
      const std::size_t i = (first + step) % candidates.size();
      if (const double other = load(candidates[i]); other < least) {
        best = i;
        least = other;
      }
    }
    return best;
  }

 private:
  static double load(const Candidate& candidate) { return static_cast<double>(candidate.in_flight) / candidate.share; }
};

}  // namespace

const RoutingPolicy& policy_of(Strategy strategy) {
  static const RandomPolicy random;
  static const LeastOutstandingPolicy least_outstanding;
  if (strategy == Strategy::kLeastOutstanding) return least_outstanding;
  return random;
}

double share_of(Duration age, Duration slow_start) {
  if (age >= slow_start) return 1;
  const double part = static_cast<double>(age.count()) / static_cast<double>(slow_start.count());
  return std::clamp(part, kFirstShare, 1.0);
}

std::size_t choose_weighted(std::span<const double> weights, std::uint64_t random) {
  double sum = 0;
  for (double weight : weights) sum += weight;
  return index_at(unit(random) * sum, weights.size(), [&](std::size_t i) { return weights[i]; });
}

}  // namespace zeropull::router
