// LogRequest and LogChunk: a piece of a copy's log, as the control plane asks an agent for it. Plain values, the mirror of
// proto/zeropull/control/v1/control.proto.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace zeropull::agent {

struct LogRequest {
  std::string copy_id;
  std::uint64_t offset = 0;
  std::uint32_t bytes_max = 0;  // at most kLogChunkMax
};

struct LogChunk {
  Bytes data;
  std::uint64_t offset = 0;  // of the first byte: later than asked when the head was given back already
  std::uint64_t size = 0;    // of the whole log
};

}  // namespace zeropull::agent
