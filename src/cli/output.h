// Output: what a command shows while it works and when it is done, in one of three forms chosen once: bars on a terminal, plain
// lines elsewhere, and with --json one JSON object a line on standard output. Everything but results goes to standard error.
// report() may be called from any thread; the rest from the command's own.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "artifact/progress.h"
#include "base/result.h"

namespace zeropull::cli {

enum class OutputForm { kBars, kLines, kJson };

class Output {
 public:
  // kJson when asked for, else kBars when standard error is a terminal, else kLines.
  static OutputForm choose(bool json);
  explicit Output(OutputForm form) : form_(form), started_(std::chrono::steady_clock::now()) {}
  ~Output();

  OutputForm form() const { return form_; }
  void report(const artifact::ProgressEvent& event);
  artifact::Progress progress() {
    return [this](const artifact::ProgressEvent& event) { report(event); };
  }
  // A step that a person wants to know of; {"event":"message"} in JSON.
  void message(std::string_view text);
  // The command's result: `text` for people on standard output, `value` as one line of JSON.
  void result(std::string_view text, const nlohmann::json& value);
  // Something that happened at a moment, for machines alone: {"event": name, "at_s": seconds since the command began, ..}.
  void event(std::string_view name, const nlohmann::json& details);
  // "zeropull: error: ..", or {"event":"error"}; returns the exit code to leave with.
  int fail(const Error& error);

 private:
  struct Task {
    artifact::ProgressEvent last;
    std::chrono::steady_clock::time_point began;
    std::chrono::steady_clock::time_point shown;
  };
  double elapsed_s() const;
  void clear_bars_locked();
  void draw_bars_locked();

  const OutputForm form_;
  const std::chrono::steady_clock::time_point started_;
  std::mutex mutex_;
  std::map<std::string, Task> tasks_;  // guarded by mutex_; running ones
  std::size_t drawn_lines_ = 0;        // guarded by mutex_
  std::chrono::steady_clock::time_point drawn_at_{};
};

}  // namespace zeropull::cli
