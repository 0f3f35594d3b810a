// Every size, count and time limit of the aws room, with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::aws {

// An Authorization header that names a dozen signed headers has 500 bytes.
inline constexpr std::size_t kAuthorizationMax = 8 * kKiB;

// Headers that one signature may cover.
inline constexpr std::size_t kSignedHeadersMax = 128;

// How far a request's clock may be off: AWS's rule for most services.
inline constexpr auto kClockSkewMax = std::chrono::minutes(5);

// Signing keys that a verifier remembers: one a day for each access key, region and service in use.
inline constexpr std::size_t kSigningKeysMax = 4096;

// Our event-stream messages stay under a mebibyte with their headers: some SDKs take no more than a few.
inline constexpr std::size_t kEventPayloadMax = kMiB - kKiB;

// What a decoder takes: botocore's own limits for headers and payload.
inline constexpr std::uint32_t kEventHeadersMax = 128 * kKiB;
inline constexpr std::uint32_t kEventMessageMax = 24 * kMiB;

}  // namespace zeropull::aws
