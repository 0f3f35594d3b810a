#include "control/api/cloudwatch/metrics.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "control/api/input.h"

namespace zeropull::api::cloudwatch {

Result<series::Store*> store_of(const Call& call) {
  if (call.parts.series == nullptr) return make_error(Code::kUnavailable, "This server keeps no metrics.");
  return call.parts.series;
}

WallTime wall_time(double seconds) { return WallTime(std::chrono::milliseconds(std::llround(seconds * 1000))); }

double epoch_seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

Result<Span> span_of(const Call& call) {
  Span span{wall_time(number_or(call.input, "StartTime", 0)), wall_time(number_or(call.input, "EndTime", 0))};
  if (span.from >= span.to) {
    return make_error(Code::kInvalidArgument, "The parameter StartTime must be less than the parameter EndTime.");
  }
  return span;
}

}  // namespace zeropull::api::cloudwatch
