// What a long operation of this room reports while it runs: converting, fetching, publishing, verifying. The callback is called
// from the operation's own threads, several at a time, and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace zeropull::artifact {

struct ProgressEvent {
  std::string task;  // stable name of one bar: "layer sha256:1234abcd", "publish", "verify"
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;  // 0 when unknown
  bool finished = false;
};

using Progress = std::function<void(const ProgressEvent&)>;

}  // namespace zeropull::artifact
