// Logging: one Logger per room, lines on standard error. A line is written where an error stops travelling, not at each step.
//
//   constexpr Logger kLog{"store"};
//   LOG_WARN(kLog, "drop source {}: {}", name, error.to_string());
//
// Thread-safe. The level is process-wide and set once at start.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

struct Logger {
  std::string_view room;
};

void set_log_level(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);  // "debug" | "info" | "warn" | "error" | "off"
bool log_enabled(LogLevel level);
void log_line(LogLevel level, const Logger& logger, std::string_view text);

}  // namespace zeropull

#define ZP_LOG(level, logger, ...)                                                                     \
  do {                                                                                                 \
    if (::zeropull::log_enabled(level)) ::zeropull::log_line(level, logger, fmt::format(__VA_ARGS__)); \
  } while (false)
#define LOG_DEBUG(logger, ...) ZP_LOG(::zeropull::LogLevel::kDebug, logger, __VA_ARGS__)
#define LOG_INFO(logger, ...) ZP_LOG(::zeropull::LogLevel::kInfo, logger, __VA_ARGS__)
#define LOG_WARN(logger, ...) ZP_LOG(::zeropull::LogLevel::kWarn, logger, __VA_ARGS__)
#define LOG_ERROR(logger, ...) ZP_LOG(::zeropull::LogLevel::kError, logger, __VA_ARGS__)
