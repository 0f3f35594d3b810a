// Every size, count and time limit of the router, with its reason. Those that an operator may change are defaults of a struct's
// member elsewhere and named here.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::router {

// InvokeEndpoint's body and answer, as the API has them; an endpoint may have up to kPayloadCeiling.
inline constexpr std::size_t kPayloadMax = 6 * kMiB;
inline constexpr std::size_t kPayloadCeiling = 100 * kMiB;
// What the model has for its answer, and for a stream from its first byte to its last.
inline constexpr Duration kModelTimeout = std::chrono::seconds(60);
inline constexpr Duration kStreamTimeout = std::chrono::minutes(8);

// All bodies of requests and answers that the router holds at once; past it callers get 503 and come back.
inline constexpr std::size_t kBufferedMax = kGiB;

// Requests of one component that wait while no copy is ready. A start from zero takes minutes; whoever gave up and left is no
// longer counted.
inline constexpr std::size_t kHeldRequestsMax = 1000;
inline constexpr std::size_t kHeldBytesMax = 128 * kMiB;
inline constexpr Duration kHoldTime = std::chrono::minutes(10);

// A client must go on: a request or an answer has this time and a second more for each kClientRate bytes that moved.
inline constexpr Duration kClientPatience = std::chrono::seconds(30);
inline constexpr std::size_t kClientRate = 32 * kKiB;
// After a refused body the connection is read and thrown away this long, so that the client sees the answer and no reset.
inline constexpr Duration kLingerTime = std::chrono::seconds(10);
// Between requests of one connection; longer than the 60 s after which botocore gives up a connection.
inline constexpr Duration kClientIdleTime = std::chrono::seconds(75);

// A container accepts within 250 ms (container contract); a lost SYN is sent again after one second.
inline constexpr Duration kConnectTimeout = std::chrono::milliseconds(2500);
// Shorter than the keep-alive of the common model servers (uvicorn's 5 s), so that a connection is hardly ever reused while
// the server closes it.
inline constexpr Duration kUpstreamIdleTime = std::chrono::seconds(4);
inline constexpr std::size_t kUpstreamIdleMax = 512;  // kept connections of one copy and I/O thread
// A copy that refused a connection is not asked again for this long.
inline constexpr Duration kRefusedPause = std::chrono::seconds(1);
inline constexpr int kCopiesTried = 3;  // by one request, before it waits like one without a ready copy

// One read of a socket. It starts small, so that 10,000 idle connections cost 40 MiB, and doubles while reads fill it.
inline constexpr std::size_t kReadMin = 4 * kKiB;
inline constexpr std::size_t kReadMax = 64 * kKiB;

// Header values that the API limits.
inline constexpr std::size_t kNameMax = 63;
inline constexpr std::size_t kSessionIdMax = 256;

// Pinned sessions of all components, and how long one lives whose container says nothing else.
inline constexpr std::size_t kSessionsMax = 100'000;
inline constexpr Duration kSessionTime = std::chrono::minutes(20);

// How often the log says that all connections are in use.
inline constexpr Duration kTellFullEvery = std::chrono::minutes(1);

// What of a container's error goes to the caller.
inline constexpr std::size_t kOriginalMessageMax = 4 * kKiB;
inline constexpr int kInformationalMax = 8;  // 1xx answers before the final one

}  // namespace zeropull::router
