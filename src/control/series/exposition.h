// The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4): written for our
// own /metrics, read from containers' /metrics where those are scraped. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::series {

enum class FamilyType { kCounter, kGauge, kHistogram, kSummary, kUntyped };

struct Sample {
  std::string suffix{};  // what follows the family's name: "", "_bucket", "_sum", "_count", "_total"
  std::map<std::string, std::string> labels{};
  double value = 0;  // NaN and infinities are values here
  bool operator==(const Sample&) const = default;
};

struct Family {
  std::string name{};  // zeropull_requests_total, zeropull_start_seconds: base units, _total on counters
  std::string help{};
  FamilyType type = FamilyType::kUntyped;
  std::vector<Sample> samples{};
  bool operator==(const Family&) const = default;
};

// Families in order of name; their samples in the order of suffix, then labels, except that a histogram's or summary's keep
// theirs. Names and labels that the format does not know are made valid: other characters become '_'.
std::string to_exposition(std::vector<Family> families);
inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

// Reads what a container answers: bounded (limits.h) and tolerant. A line that is no sample is left out, timestamps and exemplars
// are ignored, a sample without TYPE makes an untyped family. `skipped` counts such lines. kResourceExhausted: past the limits.
struct ParsedExposition {
  std::vector<Family> families;  // in the order of their first line
  std::size_t skipped = 0;
};
Result<ParsedExposition> parse_exposition(std::string_view text);

}  // namespace zeropull::series
