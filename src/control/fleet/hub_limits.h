// Every count and time of the agents' hub, with its reason. Sizes of messages are agent/control_limits.h's: both sides keep them.
#pragma once

#include <chrono>
#include <cstddef>

namespace zeropull::fleet {

// One an instance; provider static has as many machines at most.
inline constexpr std::size_t kStreamsMax = 10'000;
inline constexpr int kStreamsPerConnectionMax = 8;  // an agent has one, and a call beside it

// Reports of so many instances at once; each waits for the disk.
inline constexpr std::size_t kHubReportThreads = 4;
// A stream has at most one report and its end in the queue.
inline constexpr std::size_t kHubQueueMax = 4 * kStreamsMax;

// Join and Renew: 1,000 instances renew every half hour. Beyond it callers are told to come back.
inline constexpr std::size_t kHubCallThreads = 2;
inline constexpr std::size_t kHubCallsMax = 256;

// Log requests to one instance at once.
inline constexpr std::size_t kLogRequestsMax = 32;

// An instance whose certificate ran out while the control plane was down may still renew it; it can do nothing else with it.
inline constexpr auto kRenewGrace = std::chrono::days(7);

inline constexpr auto kHubStopGrace = std::chrono::seconds(2);

}  // namespace zeropull::fleet
