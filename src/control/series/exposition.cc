#include "control/series/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace zeropull::series {

namespace {

std::string_view type_text(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter: return "counter";
    case FamilyType::kGauge: return "gauge";
    case FamilyType::kHistogram: return "histogram";
    case FamilyType::kSummary: return "summary";
    case FamilyType::kUntyped: break;
  }
  return "untyped";
}

// [a-zA-Z_:][a-zA-Z0-9_:]*, for labels without the colon.
std::string valid_name(std::string_view name, bool label) {
  std::string out;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c == ':' && !label);
    const bool digit = c >= '0' && c <= '9';
    if (out.empty() && digit) out.push_back('_');
    out.push_back(letter || digit ? c : '_');
  }
  return out.empty() ? "_" : out;
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (c == '"' && quotes)) {
      out.append(1, '\\').append(1, c);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

std::string to_exposition(std::vector<Family> families) {
  std::ranges::stable_sort(families, {}, &Family::name);
  std::string out;
  for (auto& family : families) {
    const auto name = valid_name(family.name, false);
    if (!family.help.empty()) out += fmt::format("# HELP {} {}\n", name, escaped(family.help, false));
    out += fmt::format("# TYPE {} {}\n", name, type_text(family.type));
    if (family.type != FamilyType::kHistogram && family.type != FamilyType::kSummary) {
      std::ranges::stable_sort(family.samples, [](const Sample& a, const Sample& b) {
        return a.suffix != b.suffix ? a.suffix < b.suffix : a.labels < b.labels;
      });
    }
    for (const auto& sample : family.samples) {
      out += valid_name(name + sample.suffix, false);
      char separator = '{';
      for (const auto& [label, value] : sample.labels) {
        out += fmt::format("{}{}=\"{}\"", separator, valid_name(label, true), escaped(value, true));
        separator = ',';
      }
      if (separator == ',') out.push_back('}');
      out += fmt::format(" {}\n", number_text(sample.value));
    }
  }
  return out;
}

}  // namespace zeropull::series
