// Every size, count and time limit of the http room, with its reason.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/units.h"

namespace zeropull::http {

// Longer URLs are refused: presigned ones of object stores, the longest we meet, stay under 4 KiB.
inline constexpr std::size_t kUrlMax = 8 * kKiB;

// All header bytes of one message, either way; curl's and most servers' own limits are about this.
inline constexpr std::size_t kHeadersMax = 64 * kKiB;

// A body that request() keeps in memory, unless the caller says otherwise: manifests and JSON answers fit.
inline constexpr std::size_t kBodyMax = 4 * kMiB;

// What is kept of the body of an answer that is not 2xx while streaming: enough for an error message.
inline constexpr std::size_t kErrorBodyMax = 64 * kKiB;

// A streamed transfer waits for its reader with at most kChunks * kChunkSize bytes in memory.
inline constexpr std::size_t kChunkSize = 256 * kKiB;
inline constexpr std::size_t kChunks = 4;

// Idle connections that a client keeps for reuse.
inline constexpr long kIdleConnections = 128;

// Informational answers (100, 103) before the final one.
inline constexpr int kInformationalMax = 8;

}  // namespace zeropull::http
