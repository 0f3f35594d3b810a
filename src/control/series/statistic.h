// The statistics of CloudWatch that a query may ask for: SampleCount, Sum, Average, Minimum, Maximum and percentiles pNN.NN. The
// trimmed ones (tm, wm, tc, ts, pr, iqm) are refused by name.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::series {

struct Statistic {
  enum class Kind { kSampleCount, kSum, kAverage, kMinimum, kMaximum, kPercentile };
  Kind kind = Kind::kAverage;
  double percentile = 0;  // 0 to 100; of kPercentile only
  bool operator==(const Statistic&) const = default;
};

// "Average" .. or "p99", "p99.95" (up to ten decimals, 0 to 100). kInvalidArgument: unknown; kUnimplemented: a trimmed statistic.
Result<Statistic> parse_statistic(std::string_view text);
std::string to_text(const Statistic& statistic);

}  // namespace zeropull::series
