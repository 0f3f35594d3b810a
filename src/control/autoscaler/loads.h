// Loads: the router's counters as sums that only grow, by component and by copy. The router forgets who is in no table and idle
// and may begin anew; what was counted stays counted here. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "control/router/traffic.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

struct Load {
  std::uint64_t arrivals = 0, waited = 0, without_copies = 0;
  std::uint32_t in_flight = 0, held = 0;                        // now
  std::array<std::uint64_t, router::kOutcomes> completed = {};  // of a copy: what it was given and has answered
  double latency_seconds = 0;                                   // of a component: from arrival; of a copy: from being given to it
  std::array<std::uint64_t, router::kLatencyBounds.size() + 1> latency = {};
  std::uint64_t completed_all() const {
    std::uint64_t sum = 0;
    for (auto one : completed) sum += one;
    return sum;
  }
  void add(const Load& other);
};

struct ComponentLoad {
  Load requests;  // as callers see them
  Load copies;    // the sum over its copies
};
struct CopyLoad {
  std::string component_uid;
  Load load;
};

class Loads {
 public:
  void take(const router::RouterStats& stats, const state::View& view);
  const ComponentLoad& of(const std::string& component_uid) const;  // zeros where nothing is known
  // The sum over a variant's components: smaller than before where one is gone.
  ComponentLoad of_variant(const state::View& view, const std::string& endpoint_uid, const std::string& variant) const;
  const std::map<std::string, ComponentLoad>& components() const { return components_; }
  const std::map<std::string, CopyLoad>& copies() const { return copies_; }
  SteadyTime time() const { return time_; }

 private:
  std::map<std::string, ComponentLoad> components_;
  std::map<std::string, CopyLoad> copies_;
  // The router's counters at the last reading.
  struct Last {
    router::TrafficStats traffic;
    std::uint64_t reading = 0;  // its number
  };
  using LastById = std::unordered_map<std::string, Last>;
  void add(Load& to, LastById& last, const std::string& id, const router::TrafficStats& now);

  LastById last_components_, last_copies_;
  std::uint64_t reading_ = 0;
  SteadyTime time_ = {};
};

}  // namespace zeropull::autoscaler
