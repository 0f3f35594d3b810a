// What a long operation of this room says to its caller while it runs: converting, fetching, publishing, verifying. Progress is
// called from the operation's own threads, several at a time, and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace zeropull::artifact {

struct ProgressEvent {
  std::string task;  // stable name of one bar: "layer sha256:1234abcd", "publish", "verify"
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;  // 0 when unknown
  bool finished = false;
};

using Progress = std::function<void(const ProgressEvent&)>;

// Called once, on the caller's thread, before an operation brings so many bytes into a folder: an error ends the operation and is
// returned.
using MakeRoom = std::function<Result<void>(std::uint64_t bytes)>;

}  // namespace zeropull::artifact
