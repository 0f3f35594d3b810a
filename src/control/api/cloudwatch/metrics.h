// What the operations on metrics have in common: the store, times, spans.
#pragma once

#include "base/clock.h"
#include "control/api/operations.h"
#include "control/series/series.h"

namespace zeropull::api::cloudwatch {

// kUnavailable where the server keeps no metrics.
Result<series::Store*> store_of(const Call& call);
WallTime wall_time(double seconds);
double epoch_seconds(WallTime time);

struct Span {
  WallTime from, to;
};
// Of StartTime and EndTime. kInvalidArgument unless the first is before the second.
Result<Span> span_of(const Call& call);

}  // namespace zeropull::api::cloudwatch
