#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace zeropull {

namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& backend() {
  static spdlog::logger logger = [] {
    spdlog::logger made("zeropull", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made.set_level(spdlog::level::info);
    made.flush_on(spdlog::level::debug);
    return made;
  }();
  return logger;
}

}  // namespace

void set_log_level(LogLevel level) { backend().set_level(spdlog_level(level)); }

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  if (text == "off") return LogLevel::kOff;
  return make_error(Code::kInvalidArgument, "log level {:?}: use debug, info, warn, error or off", text);
}

bool log_enabled(LogLevel level) { return backend().should_log(spdlog_level(level)); }

void log_line(LogLevel level, const Logger& logger, std::string_view text) {
  backend().log(spdlog_level(level), "[{}] {}", logger.room, text);
}

}  // namespace zeropull
