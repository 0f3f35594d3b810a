// Our own detector: how many copies a component needs, seconds after its load has changed.
//
// Copies ordered now can carry `desired * target / service time` requests a second. Every look tests arrivals against that rate
// over all windows from half a second to ten minutes at once: the generalised likelihood ratio of Poisson counts, which is
// CUSUM over all rates (Lorden 1971; Siegmund and Venkatraman 1995). The threshold follows from the mean time between false
// alarms that the policy allows, so a fourfold step shows in a few requests while a steady load is left alone; a load that comes
// in bursts anyway has to show more. The same test on requests in flight sees service times that grow. Little's law sizes; a
// backlog that would outlive the start of new copies adds to it. Scale-in is by the whole window: to what its busiest part needs
// with a tenth unused.
// docs/decisions/0009-demand-detector.md argues it, with figures from the simulator.
//
// DetectorState is a value, decide() a function of it, the policy and the reading: no clock, no lock, no memory elsewhere. One
// thread at a time per state. Call it every 100 to 1000 ms, and at once when a request waits for a component without copies.
// Time that jumps, in either direction, is no evidence: the look at which it jumps only sets the marks anew.
#pragma once

#include <optional>

#include "base/clock.h"
#include "control/scaler/load_window.h"
#include "control/scaler/scale_input.h"

namespace zeropull::scaler {

struct DetectorPolicy {
  int copies_min = 0;
  int copies_max = 1;
  double target = 1;      // requests in flight per copy that sizing aims at: the policy's TargetValue
  double copy_limit = 0;  // requests that a copy works on at once, past which they wait in it; 0: target is 0.7 of it
  Duration false_alarm_time = std::chrono::hours(24);  // mean time between two needless scale-outs under steady load
  Duration scale_in_window = std::chrono::minutes(3);
  bool scale_in = true;   // DisableScaleIn, DynamicScalingInSuspended
  bool scale_out = true;  // DynamicScalingOutSuspended
};

// All that the detector remembers of a component: 40 KB, so not for a stack. A new one (after a restart) knows nothing and
// changes nothing before it has seen evidence of its own.
struct DetectorState {
  std::optional<ScaleInput> last;
  double elapsed = 0;  // seconds that counted: jumps and pauses left out
  LoadWindow load;
  ServiceTime service;
  std::optional<double> change;  // when the level began that is still being estimated, in elapsed seconds
  double change_seen = 0;
  double settled = 0;           // when the number changed last, or the state began: scale-in looks back no further
  std::optional<double> quiet;  // since when fewer copies would do ..
  int quiet_copies = 0;         // .. and the most of them that were needed since that number settled
};

ScaleDecision decide(DetectorState& state, const DetectorPolicy& policy, const ScaleInput& input);

}  // namespace zeropull::scaler
