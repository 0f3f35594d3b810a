// CopyLog: the output of one copy, from its first byte on, also of starts that failed. containerd's shim appends to the file
// while the agent lives or not; between the containers of one copy the agent writes lines of its own.
//
// A log is bounded without moving what was written: beyond kLogKept the head of the file is given back to the disk as a hole, so
// that an offset means the same byte for ever and no writer is disturbed. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace zeropull::agent {

inline constexpr std::string_view kAgentLine = "zeropull: ";  // how lines of the agent's own begin

struct LogSlice {
  std::uint64_t offset = 0;  // of the first byte of `data`: larger than asked when that was given back already
  std::uint64_t size = 0;    // of the whole log until now
  Bytes data;
};

class CopyLog {
 public:
  explicit CopyLog(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  Result<void> append_line(std::string_view text) const;                       // made when absent
  Result<LogSlice> read(std::uint64_t offset, std::uint32_t bytes_max) const;  // empty without a file
  // The last whole lines of at most `bytes_max`, as UTF-8.
  std::string tail(std::size_t bytes_max) const;
  struct Bounds {
    std::uint64_t kept;
    std::uint64_t step;
  };
  Result<void> trim(Bounds bounds) const;

 private:
  std::string path_;
};

}  // namespace zeropull::agent
