// Every count, size and time of copies, with its reason.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::agent {

// A copy's port in its own network: the container contract's.
inline constexpr std::uint16_t kServingPort = 8080;

// Where the router reaches copies on the instance's address. Ports are handed out round, so that one that is told of a copy that
// has gone leads nowhere, not to another copy, for a long time.
inline constexpr std::uint16_t kFirstPort = 20000;
inline constexpr std::uint16_t kLastPort = 29999;

// A container's name in containerd is at most 76 characters, and a copy's id names it.
inline constexpr std::size_t kCopyIdMax = 76;

// A record holds phases, a probe with its warm-up body, and the tail of a log.
inline constexpr std::uint64_t kRecordSizeMax = 8 * kMiB;

// Of a copy's output this much is kept for readers; the head is given back to the disk in steps.
inline constexpr std::uint64_t kLogKept = 64 * kMiB;
inline constexpr std::uint64_t kLogStep = 4 * kMiB;
inline constexpr std::uint32_t kLogReadMax = 256 * kKiB;
inline constexpr std::size_t kLogTailMax = 4 * kKiB;
inline constexpr std::size_t kReasonTailMax = 512;  // of the log's end in a reason that people read

// A specification of devices: NVIDIA's for eight accelerators is some 50 KiB.
inline constexpr std::uint64_t kCdiSizeMax = 16 * kMiB;

// /ping says nothing that is kept; a warm-up's answer may be a page of JSON.
inline constexpr std::size_t kPingAnswerMax = 64 * kKiB;
inline constexpr std::size_t kWarmUpAnswerMax = 16 * kMiB;

// Servers open a descriptor per stream and per shard of a model.
inline constexpr std::uint64_t kOpenFiles = 65536;

inline constexpr Duration kNetworkTimeout = std::chrono::seconds(30);  // nft on a loaded machine
inline constexpr Duration kCleanupTimeout = std::chrono::minutes(2);
inline constexpr Duration kStartCallTimeout = std::chrono::minutes(5);  // a container's creation, with a cold disk under it
inline constexpr Duration kLifetime = std::chrono::hours(24 * 3650);    // of what ends by being stopped

// A test passes shorter ones.
struct CopyTimings {
  Duration ping_timeout = std::chrono::seconds(2);  // the container contract's
  Duration ping_before_ready = std::chrono::milliseconds(250);
  Duration ping_when_ready = std::chrono::seconds(5);
  Duration ping_when_failing = std::chrono::seconds(1);
  int ping_failures_max = 3;                             // in a row, until a ready copy is unhealthy
  Duration restart_delay_min = std::chrono::seconds(1);  // doubles with every restart
  Duration restart_delay_max = std::chrono::minutes(1);
  Duration steady_after = std::chrono::minutes(1);  // ready for so long, the next end is the first one again
  std::uint32_t prepare_attempts_max = 5;           // of an image or a model that is out of reach
  Duration stop_grace = std::chrono::seconds(30);   // SIGTERM until SIGKILL, of a copy that was ready
  Duration retry_pause = std::chrono::seconds(1);   // containerd, the network or the disk did not do as asked
};

}  // namespace zeropull::agent
