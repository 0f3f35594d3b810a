// What a scaling decision is made from, and the decision. ScaleInput is a reading of counters that the router and the fleet keep
// anyway; ScaleDecision is a number of copies with the sentence and the figures that explain it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace zeropull::scaler {

// Counters only grow; one that is smaller than at the last look has begun anew.
struct ScaleInput {
  SteadyTime now = {};
  std::uint64_t arrivals = 0;                      // requests that came, held ones included
  std::uint64_t completed = 0;                     // requests that copies have answered ..
  double service_seconds = 0;                      // .. and the sum of their times, from being given to a copy to the last byte
  std::uint32_t in_flight = 0;                     // arrived and not answered, held ones included
  std::uint32_t held = 0;                          // of these, waiting for a copy
  int desired = 0;                                 // ordered last, whoever ordered it
  int copies_ready = 0;                            // ordered less ready are pending
  Duration start_time = std::chrono::seconds(60);  // of a copy that is ordered now: measured, by its path (cache hit or not)
};

// What moved the number, or kept it.
enum class ScaleCause {
  kSteady,       // nothing: no evidence against what is ordered
  kArrivals,     // requests come faster than the ordered copies are sized for
  kConcurrency,  // requests take longer than those copies are sized for
  kWake,         // a request waits and there is no copy
  kQuiet,        // the whole scale-in window needed fewer
  kBounds,       // it lay outside of what the policy allows
};

// The figures behind a decision, for `zeropull scaling` and activities.
struct ScaleEvidence {
  ScaleCause cause = ScaleCause::kSteady;
  double window_seconds = 0;   // over which it was seen
  double count = 0;            // requests in that window
  double rate = 0;             // requests a second that the decision is sized for
  double service_seconds = 0;  // of one request
  double concurrency = 0;      // mean requests in flight in the window, for kConcurrency
  double backlog = 0;          // requests beyond what ready copies can work on
  double sized_for = 0;        // requests a second that the copies ordered before were sized for
  int pending = 0;
};

struct ScaleDecision {
  int desired = 0;
  ScaleEvidence evidence;
  std::string reason;  // one sentence; empty where desired stays
};

}  // namespace zeropull::scaler
