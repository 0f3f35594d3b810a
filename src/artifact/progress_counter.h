// ProgressCounter: adds up what several threads did of one task and reports it. Thread-safe; silent without a callback.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "artifact/progress.h"

namespace zeropull::artifact {

class ProgressCounter {
 public:
  ProgressCounter(const Progress& progress, std::string task, std::uint64_t total)
      : progress_(progress), task_(std::move(task)), total_(total) {}
  void add(std::uint64_t bytes) { report(done_.fetch_add(bytes) + bytes, false); }
  void finish() { report(total_, true); }  // with what needed no work

 private:
  void report(std::uint64_t done, bool finished) {
    if (progress_) progress_({.task = task_, .done_bytes = done, .total_bytes = total_, .finished = finished});
  }
  const Progress& progress_;
  const std::string task_;
  const std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
};

}  // namespace zeropull::artifact
