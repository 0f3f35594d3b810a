#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "control/series/exposition.h"
#include "control/series/limits.h"

namespace zeropull::series {

namespace {

bool is_name(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

// One line, read from its front.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  bool skip_spaces() {
    const auto before = rest_.size();
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    return rest_.size() < before;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Empty where none begins.
  std::string_view name() {
    std::size_t size = 0;
    while (size < rest_.size() && is_name(rest_[size], size == 0)) ++size;
    return cut(size);
  }
  std::string_view word() {
    const auto end = rest_.find_first_of(" \t");
    return cut(end == std::string_view::npos ? rest_.size() : end);
  }
  std::string_view rest() const { return rest_; }
  // After its opening quote; nullopt where it does not end.
  std::optional<std::string> quoted() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      }
      out.push_back(c);
    }
    return std::nullopt;
  }

 private:
  std::string_view cut(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);  // "NaN", "Inf" in any case too
  if (text.empty() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) return std::nullopt;
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

// A backslash before anything but n and itself is one.
std::string unescaped_help(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == '\\')) {
      ++i;
      out.push_back(text[i] == 'n' ? '\n' : text[i]);
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

FamilyType type_of(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, FamilyType>, 4> kTypes{{{"counter", FamilyType::kCounter},
                                                                           {"gauge", FamilyType::kGauge},
                                                                           {"histogram", FamilyType::kHistogram},
                                                                           {"summary", FamilyType::kSummary}}};
  for (const auto& [name, type] : kTypes) {
    if (text == name) return type;
  }
  return FamilyType::kUntyped;
}

// What may follow the name of a family of this type in the name of its sample.
std::vector<std::string_view> suffixes_of(FamilyType type) {
  switch (type) {
    case FamilyType::kHistogram: return {"_bucket", "_sum", "_count", "_created"};
    case FamilyType::kSummary: return {"_sum", "_count", "_created"};
    case FamilyType::kCounter: return {"_total", "_created"};
    default: return {};
  }
}

class Parser {
 public:
  Result<ParsedExposition> parse(std::string_view text) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      auto line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      while (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() > kExpositionLineMax) {
        ++parsed_.skipped;
        continue;
      }
      Line reader(line);
      reader.skip_spaces();
      if (reader.rest().empty()) continue;
      const bool fine = reader.take('#') ? comment(reader) : sample(reader);
      if (!fine) ++parsed_.skipped;
      if (samples_ > kExpositionSamplesMax || parsed_.families.size() > kExpositionSamplesMax) {
        return make_error(Code::kResourceExhausted, "more than {} samples", kExpositionSamplesMax);
      }
    }
    return std::move(parsed_);
  }

 private:
  Family& family(std::string_view name) {
    const auto [at, fresh] = by_name_.emplace(name, parsed_.families.size());
    if (fresh) parsed_.families.push_back({.name = std::string(name)});
    return parsed_.families[at->second];
  }

  // HELP and TYPE say something; any other comment is one.
  bool comment(Line& line) {
    line.skip_spaces();
    const auto keyword = line.word();
    if (keyword != "HELP" && keyword != "TYPE") return true;
    line.skip_spaces();
    const auto name = line.name();
    if (name.empty()) return false;
    line.skip_spaces();
    if (keyword == "HELP") {
      family(name).help = unescaped_help(line.rest());
    } else {
      auto& type = family(name).type;  // the first one known holds: samples were gathered by it
      if (type == FamilyType::kUntyped) type = type_of(line.word());
    }
    return true;
  }

  bool sample(Line& line) {
    const auto name = line.name();
    if (name.empty()) return false;
    Sample sample;
    line.skip_spaces();
    if (line.take('{') && !labels(line, sample)) return false;
    line.skip_spaces();
    const auto value = parse_number(line.word());
    if (!value) return false;
    sample.value = *value;
    ++samples_;
    for (const auto& [family_name, suffix] : splits(name)) {
      sample.suffix = suffix;
      family(family_name).samples.push_back(std::move(sample));
      return true;
    }
    family(name).samples.push_back(std::move(sample));
    return true;
  }

  // The family that a TYPE line announced and that this is a part of; at most one.
  std::vector<std::pair<std::string_view, std::string_view>> splits(std::string_view name) const {
    if (by_name_.contains(name)) return {};
    const auto at = name.rfind('_');
    if (at == std::string_view::npos) return {};
    const auto front = name.substr(0, at), suffix = name.substr(at);
    const auto found = by_name_.find(front);
    if (found == by_name_.end()) return {};
    for (auto known : suffixes_of(parsed_.families[found->second].type)) {
      if (suffix == known) return {{front, suffix}};
    }
    return {};
  }

  static bool labels(Line& line, Sample& sample) {
    while (true) {
      line.skip_spaces();
      if (line.take('}')) return true;
      const auto name = line.name();
      line.skip_spaces();
      if (name.empty() || name.contains(':') || !line.take('=')) return false;
      line.skip_spaces();
      if (!line.take('"')) return false;
      auto value = line.quoted();
      if (!value || sample.labels.size() >= kExpositionLabelsMax) return false;
      sample.labels.insert_or_assign(std::string(name), *std::move(value));
      line.skip_spaces();
      if (!line.take(',') && !line.rest().starts_with('}')) return false;
    }
  }

  ParsedExposition parsed_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::size_t samples_ = 0;
};

}  // namespace

Result<ParsedExposition> parse_exposition(std::string_view text) {
  if (text.size() > kExpositionMax) return make_error(Code::kResourceExhausted, "more than {} bytes", kExpositionMax);
  return Parser().parse(text);
}

}  // namespace zeropull::series
