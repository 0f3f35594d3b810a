// RoutingPolicy: which of a component's copies gets the next request. An interface of one question without state of its own: what
// it decides by is measured by the router and given to it. Thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "control/router/table.h"

namespace zeropull::router {

struct Candidate {
  std::uint64_t in_flight;
  double share;  // in (0, 1]: below 1 while the copy is new
};

class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;
  // An index into `candidates`, which are never empty. `random` is uniform over all values.
  virtual std::size_t choose(std::span<const Candidate> candidates, std::uint64_t random) const = 0;
};

const RoutingPolicy& policy_of(Strategy strategy);

// The share of a copy that has been ready for `age`: a tenth at first, linear to 1 at `slow_start`.
double share_of(Duration age, Duration slow_start);

// An index with a probability of weights[i] / sum; weights of 0 are never chosen. At least one is above 0.
std::size_t choose_weighted(std::span<const double> weights, std::uint64_t random);

}  // namespace zeropull::router
