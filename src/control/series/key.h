// What a series of points is called. CloudWatch's metric: namespace, name and the exact set of dimensions, in one account; two
// sets of dimensions are two metrics, and nothing is summed over them but by SEARCH and metric math.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::series {

struct SeriesKey {
  std::string account{};
  std::string name_space{};
  std::string metric{};
  std::map<std::string, std::string> dimensions{};
  auto operator<=>(const SeriesKey&) const = default;
};

// One string that sorts by account, namespace, metric, dimensions; what the index and the database know a series by. Equal keys
// have equal texts and only those. kInvalidArgument: an empty or overlong part (limits.h), or one with a NUL byte.
Result<std::string> canonical(const SeriesKey& key);
// The key of a text that canonical() made; CHECKs it.
SeriesKey key_of(std::string_view canonical);

}  // namespace zeropull::series
