// Every size, count and time limit of what agent and control plane say to each other, with its reason. Both sides hold the other
// to them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"

namespace zeropull::agent {

// A message: 1,000 copies with 4 KiB of environment each, or their reports with the tails of their logs.
inline constexpr int kControlMessageMax = 16 * kMiB;

inline constexpr std::size_t kCopiesMax = 1000;       // of an instance: more than its table of ports or its kernel would like
inline constexpr std::size_t kArtifactsMax = 10'000;  // cached on an instance
inline constexpr std::size_t kPhasesMax = 32;         // of a copy
inline constexpr std::size_t kListedMax = 10'000;     // any other list
inline constexpr std::size_t kNameMax = 1024;         // ids, names, digests, addresses, folders
inline constexpr std::size_t kReasonMax = 16 * kKiB;  // errors, log tails
inline constexpr std::size_t kValueMax = 256 * kKiB;  // of the environment, an argument, a warm-up request's body
inline constexpr std::size_t kEndpointKeySize = 32;   // bytes
inline constexpr std::uint32_t kLogChunkMax = 256 * kKiB;

// In the head of a stream that the hub has let in; a refusal has none.
inline constexpr std::string_view kAcceptedHeader = "zeropull-accepted";

// An agent reports at least so often; a hub that heard nothing for several of them knows what that means.
inline constexpr auto kReportEvery = std::chrono::seconds(10);
inline constexpr auto kProgressEvery = std::chrono::seconds(1);        // of a download that runs: what a person follows
inline constexpr auto kControlCallTimeout = std::chrono::seconds(30);  // Join and Renew
inline constexpr auto kConnectTimeout = std::chrono::seconds(10);      // TCP and TLS
inline constexpr auto kReconnectMin = std::chrono::milliseconds(200);  // doubles, with jitter
inline constexpr auto kReconnectMax = std::chrono::seconds(20);
inline constexpr auto kRenewRetry = std::chrono::seconds(20);  // after a renewal that failed

// A peer that answers no ping for so long is gone: half-open connections end after both.
inline constexpr auto kKeepaliveEvery = std::chrono::seconds(20);
inline constexpr auto kKeepaliveTimeout = std::chrono::seconds(10);

}  // namespace zeropull::agent
