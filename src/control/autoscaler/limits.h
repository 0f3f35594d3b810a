// Every limit and constant of the autoscaler room, with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::autoscaler {

// The detector looks so often; held requests make it look at once.
inline constexpr Duration kTick = std::chrono::milliseconds(250);
// However many requests ask for a look at once: the counters hold them all.
inline constexpr Duration kWakePause = std::chrono::milliseconds(20);
// A commit that the disk does not take in this time is given up; what it was for is decided again.
inline constexpr Duration kCommitTimeout = std::chrono::seconds(30);

// Alarms are evaluated at the end of each of their periods, and once a minute where these are longer (CloudWatch User Guide).
inline constexpr std::int64_t kEvaluationIntervalMax = 60;
inline constexpr std::size_t kBodyMax = kMiB;  // a policy's, alarm's or schedule's; the API's limits lie far below

// Starts that the expected start time is the median of: few, because images and machines change.
inline constexpr std::size_t kStartsLookedAt = 5;
// How long an expectation stands until the timelines are looked at again.
inline constexpr std::chrono::seconds kStartTimeFresh{5};
// What a start takes where none was measured.
inline constexpr Duration kStartTimeGuess = std::chrono::seconds(60);

// A second whose readings cover more than this was no second: the process stood still or the clock jumped.
inline constexpr std::chrono::seconds kReadingMax{5};
// Use is a rate between two reports; over more than this it would say nothing of now. Twice the longest period of publishing.
inline constexpr std::chrono::seconds kUsageMax{600};
// Writers of series that are kept at hand; above it they are found anew. Copies' series come and go, and 10,000 components have
// 160,000 that stay.
inline constexpr std::size_t kWritersMax = 400'000;
// Starts that were counted, by id, so that none counts twice; above it the set begins anew.
inline constexpr std::size_t kCountedStartsMax = 100'000;

// The detector's scale-in window may be set by tag from half a minute to a day.
inline constexpr std::int64_t kScaleInSecondsMin = 30, kScaleInSecondsMax = 86'400;

}  // namespace zeropull::autoscaler
