#include "control/series/statistic.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace zeropull::series {

namespace {

constexpr std::array<std::pair<std::string_view, Statistic::Kind>, 5> kNames{{{"SampleCount", Statistic::Kind::kSampleCount},
                                                                              {"Sum", Statistic::Kind::kSum},
                                                                              {"Average", Statistic::Kind::kAverage},
                                                                              {"Minimum", Statistic::Kind::kMinimum},
                                                                              {"Maximum", Statistic::Kind::kMaximum}}};
constexpr std::array<std::string_view, 6> kTrimmed{"tm", "wm", "tc", "ts", "pr", "TM"};
constexpr std::size_t kTextMax = 14;  // "p" and three digits, a point, ten decimals are 15; "p100" has no decimals

bool is_trimmed(std::string_view text) {
  if (text == "IQM" || text == "iqm") return true;
  for (auto prefix : kTrimmed) {
    if (text.size() > 2 && (text[0] | 0x20) == (prefix[0] | 0x20) && (text[1] | 0x20) == (prefix[1] | 0x20)) {
      return text[2] == '(' || (text[2] >= '0' && text[2] <= '9');
    }
  }
  return false;
}

}  // namespace

Result<Statistic> parse_statistic(std::string_view text) {
  for (const auto& [name, kind] : kNames) {
    if (text == name) return Statistic{.kind = kind};
  }
  if (is_trimmed(text)) return make_error(Code::kUnimplemented, "the statistic {} is not supported", text);
  if (text.size() >= 2 && text.size() <= kTextMax && text[0] == 'p' && text[1] >= '0' && text[1] <= '9') {
    double percentile = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + 1, end, percentile, std::chars_format::fixed);
    if (parsed.ec == std::errc() && parsed.ptr == end && percentile >= 0 && percentile <= 100) {
      return Statistic{.kind = Statistic::Kind::kPercentile, .percentile = percentile};
    }
  }
  return make_error(Code::kInvalidArgument, "'{}' is no statistic", text.substr(0, 64));
}

std::string to_text(const Statistic& statistic) {
  for (const auto& [name, kind] : kNames) {
    if (statistic.kind == kind) return std::string(name);
  }
  return fmt::format("p{}", statistic.percentile);
}

}  // namespace zeropull::series
