#include "cli/output.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "os/terminal.h"

namespace zeropull::cli {

namespace {

using std::chrono::steady_clock;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(2);
constexpr std::size_t kBarsMax = 16;
constexpr int kStandardError = 2;

double seconds(steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

std::string rate(std::uint64_t bytes, double elapsed_s) {
  if (elapsed_s <= 0) return {};
  return format_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / elapsed_s)) + "/s";
}

std::string dump(const nlohmann::json& value) { return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// Errors carry words of registries and of images.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

void print_json(const nlohmann::json& value) {
  std::string line = dump(value) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

std::string bar_line(const artifact::ProgressEvent& event, double elapsed_s, std::size_t columns) {
  constexpr std::size_t kWidth = 24;
  std::string bar;
  if (event.total_bytes > 0) {
    auto filled = std::min<std::size_t>(kWidth, static_cast<std::size_t>(event.done_bytes * kWidth / event.total_bytes));
    bar = fmt::format("[{:=<{}}{: <{}}]", "", filled, "", kWidth - filled);
  }
  auto total = event.total_bytes > 0 ? fmt::format(" of {}", format_bytes(event.total_bytes)) : std::string();
  auto text = fmt::format("{:<28.28} {} {}{} {}", event.task, bar, format_bytes(event.done_bytes), total,
                          rate(event.done_bytes, elapsed_s));
  return text.substr(0, columns - 1);
}

}  // namespace

OutputForm Output::choose(bool json) {
  if (json) return OutputForm::kJson;
  return os::terminal_columns(kStandardError) ? OutputForm::kBars : OutputForm::kLines;
}

Output::~Output() {
  std::lock_guard lock(mutex_);
  clear_bars_locked();
}

double Output::elapsed_s() const { return seconds(steady_clock::now() - started_); }

void Output::report(const artifact::ProgressEvent& event) {
  auto now = steady_clock::now();
  std::lock_guard lock(mutex_);
  auto [at, is_new] = tasks_.try_emplace(event.task, Task{event, now, now});
  Task& task = at->second;
  task.last = event;
  auto took_s = seconds(now - task.began);
  switch (form_) {
    case OutputForm::kBars:
      if (event.finished) {
        clear_bars_locked();
        fmt::print(stderr, "{:<28.28} {} in {:.2f} s {}\n", event.task, format_bytes(event.done_bytes), took_s,
                   rate(event.done_bytes, took_s));
      }
      break;
    case OutputForm::kLines:
      if (event.finished) {
        fmt::print(stderr, "{}: {} in {:.2f} s\n", event.task, format_bytes(event.done_bytes), took_s);
      } else if (now - task.shown >= kLineEvery) {
        task.shown = now;
        fmt::print(stderr, "{}: {}{}\n", event.task, format_bytes(event.done_bytes),
                   event.total_bytes > 0 ? " of " + format_bytes(event.total_bytes) : "");
      }
      break;
    case OutputForm::kJson:
      if (is_new || event.finished || now - task.shown >= kLineEvery) {
        task.shown = now;
        print_json({{"event", "progress"},
                    {"at_s", elapsed_s()},
                    {"task", event.task},
                    {"done_bytes", event.done_bytes},
                    {"total_bytes", event.total_bytes},
                    {"finished", event.finished}});
      }
      break;
  }
  if (event.finished) tasks_.erase(at);
  if (form_ == OutputForm::kBars && (event.finished || now - drawn_at_ >= kRedrawEvery)) {
    clear_bars_locked();
    draw_bars_locked();
    drawn_at_ = now;
  }
}

void Output::clear_bars_locked() {
  for (; drawn_lines_ > 0; --drawn_lines_) fmt::print(stderr, "\x1b[1A\x1b[2K");
}

void Output::draw_bars_locked() {
  auto columns = std::max<std::size_t>(40, os::terminal_columns(kStandardError).value_or(80));
  auto now = steady_clock::now();
  for (const auto& [name, task] : tasks_) {
    if (drawn_lines_ == kBarsMax) break;
    fmt::print(stderr, "{}\n", bar_line(task.last, seconds(now - task.began), columns));
    ++drawn_lines_;
  }
  std::fflush(stderr);
}

void Output::message(std::string_view text) {
  std::lock_guard lock(mutex_);
  if (form_ == OutputForm::kJson) {
    print_json({{"event", "message"}, {"at_s", elapsed_s()}, {"text", text}});
    return;
  }
  clear_bars_locked();
  fmt::print(stderr, "{}\n", text);
  if (form_ == OutputForm::kBars) draw_bars_locked();
}

void Output::result(std::string_view text, const nlohmann::json& value) {
  std::lock_guard lock(mutex_);
  clear_bars_locked();
  if (form_ == OutputForm::kJson) {
    nlohmann::json line = value;
    line["event"] = "result";
    line["at_s"] = elapsed_s();
    print_json(line);
  } else {
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
}

void Output::event(std::string_view name, const nlohmann::json& details) {
  if (form_ != OutputForm::kJson) return;
  std::lock_guard lock(mutex_);
  nlohmann::json line = details.is_object() ? details : nlohmann::json::object();
  line["event"] = name;
  line["at_s"] = elapsed_s();
  print_json(line);
}

int Output::fail(const Error& error) {
  std::lock_guard lock(mutex_);
  clear_bars_locked();
  if (form_ == OutputForm::kJson) {
    print_json({{"event", "error"}, {"at_s", elapsed_s()}, {"code", code_name(error.code())}, {"message", error.message()}});
  } else {
    fmt::print(stderr, "zeropull: error: {}\n", one_line(error.message()));
  }
  return 1;
}

}  // namespace zeropull::cli
