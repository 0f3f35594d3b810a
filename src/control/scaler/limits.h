// Every limit and constant of the scaler room, with its reason. What a policy may change is in DetectorPolicy and the policies.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::scaler {

// Of our own detector.
// A longer pause between two looks is not evidence of anything: the process stood still, or the clock jumped.
inline constexpr Duration kTickMax = std::chrono::seconds(5);
// Arrivals are kept in bins of this width; a window of evidence begins at the edge of a bin.
inline constexpr double kBinSeconds = 0.5;
inline constexpr std::size_t kBins = 1200;  // ten minutes: the longest window, which sees an excess of a few percent
// Bursts that come and go are this load's way, not a change of it: the dispersion of blocks of arrivals raises what counts as
// evidence. The newest blocks are left out; too few blocks say nothing.
inline constexpr double kBlockSeconds = 10;
inline constexpr int kBlocksLeftOut = 2, kBlocksMin = 12;
// Requests in flight smooth bursts shorter than a service time, so what bursts do to their evidence is bounded.
inline constexpr double kBurstsInFlight = 2;
// A burst is what lasts up to this long: scale-in leaves room for those of its window.
inline constexpr double kBurstSeconds = 60;
// What a request takes when none has been answered yet.
inline constexpr double kServiceSecondsGuess = 1.0;
// Service times are averaged over about so long: their noise must be small beside that of the longest window's arrivals. That
// they grow is seen at once in the requests at work.
inline constexpr double kServiceMemorySeconds = 1800;
// Standard deviations by which the rate of a high window is taken lower.
inline constexpr double kEstimateCaution = 0.5;
// How long after a detected change the new level is still being estimated, not yet taken for the steady one.
inline constexpr double kAdjustSeconds = 90;
// Where a policy does not say what a copy can work on at once: its target is this share of it, as Knative takes it to be.
inline constexpr double kTargetShare = 0.7;
// Scale-in leaves this share of the remaining copies' target unused, as AWS's alarm for scale-in does.
inline constexpr double kScaleInShare = 0.9;
// The window of scale-in is looked at in so many parts, and the busiest counts: half a minute each by default.
inline constexpr int kWindowParts = 6;
// A policy's window is not taken shorter: a copy that was just ready would go again.
inline constexpr Duration kScaleInWindowMin = std::chrono::seconds(30);
// A request that waits weighs less than one at work: it needs a slot once, and targets leave slots for it. Measured on the
// traces.
inline constexpr double kStuckWeight = 0.25;
// The rate by which is told whether a backlog clears by itself.
inline constexpr double kRecentSeconds = 30;
// A backlog is worth copies that clear it in this time once they are ready.
inline constexpr double kDrainSeconds = 60;

// Of AWS's alarms (CloudWatch User Guide: Evaluating an alarm).
inline constexpr int kEvaluationExtra = 2;  // points looked at beyond N; 5 for N = 3
inline constexpr std::chrono::seconds kActionRepeat{60};
// An alarm is evaluated each minute at least: one that was not for so long has periods behind it in which nobody wrote points.
inline constexpr std::chrono::seconds kUnseenMax{130};
// Datapoints that a reason and its data list: StateReason has at most 1,023 characters, StateReasonData 4,000.
inline constexpr std::size_t kReasonPointsMax = 15;

// Of PutScalingPolicy and PutScheduledAction.
// More than any endpoint can have; keeps arithmetic on capacities far from overflow.
inline constexpr int kCapacityMax = 1000000;
inline constexpr std::size_t kStepsMax = 20;
inline constexpr std::size_t kScheduleTextMax = 1600;
inline constexpr std::size_t kTimeZoneFileMax = 64 * kKiB;  // the largest of tzdata has 4 KiB
inline constexpr int kCronYearMax = 2199;                   // of AWS's cron expressions
inline constexpr int kCronYearMin = 1970;

}  // namespace zeropull::scaler
