// How long a copy that is ordered now takes until it serves: what starts of its component took, by their path. A start whose
// image and model came from the instance's cache or the endpoint's volume is a hit. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

enum class StartPath { kHit, kMiss, kInstance };

struct ExpectedStart {
  Duration time = {};
  StartPath path = StartPath::kMiss;
  int measured = 0;          // starts that it is from; 0: a guess
  std::string text() const;  // "12.3 s (median of 3 starts from the cache)"
};

// `entries`: the timeline of the endpoint; `component`: the name in them. `cached`: image and model are, as far as is known, in a
// cache that the next copy's instance will have.
ExpectedStart expected_start(const state::List<state::TimelineEntry>& entries, const std::string& component, StartPath path);
// The same of an instance without copies, of whatever variant.
ExpectedStart expected_instance(const state::List<state::TimelineEntry>& entries);
// The path that the next start takes: a hit once a copy was ready, unless the endpoint's tags turn a cache off.
StartPath expected_path(const state::List<state::TimelineEntry>& entries, const std::string& component,
                        const state::Endpoint& endpoint);

}  // namespace zeropull::autoscaler
