#include "control/api/validate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/check.h"
#include "base/guarded.h"
#include "codec/json.h"
#include "control/api/limits.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

// Patterns are compiled once; they are as many as the tables have.
const re2::RE2& compiled(std::string_view pattern) {
  static Guarded<std::map<std::string_view, std::unique_ptr<re2::RE2>>> all;
  auto patterns = all.lock();
  auto& entry = (*patterns)[pattern];
  if (entry == nullptr) {
    re2::RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    entry = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    CHECK(entry->ok());
  }
  return *entry;
}

bool matches(const std::string& text, std::string_view pattern) { return re2::RE2::FullMatch(text, compiled(pattern)); }

std::size_t code_points(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) { return (byte & 0xc0) != 0x80; }));
}

std::string first_lower(std::string_view name) {
  std::string lower(name);
  if (!lower.empty() && lower[0] >= 'A' && lower[0] <= 'Z') lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
  return lower;
}

std::string_view expected_type(Kind kind) {
  switch (kind) {
    case Kind::kString: return "a string";
    case Kind::kInteger: return "an integer";
    case Kind::kFloat: return "a number";
    case Kind::kBoolean: return "a boolean";
    case Kind::kTimestamp: return "a number of seconds since the epoch";
    case Kind::kStructure:
    case Kind::kMap: return "an object";
    case Kind::kList: return "a list";
  }
  return "";
}

bool has_type(const json& value, Kind kind) {
  switch (kind) {
    case Kind::kString: return value.is_string();
    case Kind::kInteger: return value.is_number_integer();
    case Kind::kFloat:
    case Kind::kTimestamp: return value.is_number();
    case Kind::kBoolean: return value.is_boolean();
    case Kind::kStructure:
    case Kind::kMap: return value.is_object();
    case Kind::kList: return value.is_array();
  }
  return false;
}

// Where a value stands: as the caller wrote it, and as the service's texts write it.
struct Place {
  std::string written;  // "ProductionVariants[0].VariantName"
  std::string camel;    // "productionVariants.1.member.variantName"

  Place member(std::string_view name) const {
    return written.empty() ? Place{std::string(name), first_lower(name)}
                           : Place{fmt::format("{}.{}", written, name), fmt::format("{}.{}", camel, first_lower(name))};
  }
  Place element(std::size_t index) const {
    return {fmt::format("{}[{}]", written, index), fmt::format("{}.{}.member", camel, index + 1)};
  }
};

class Validator {
 public:
  void value(const Shape& shape, json& value, const Place& place) {
    if (!has_type(value, shape.kind)) {
      if (mistyped_.empty()) {
        mistyped_ = fmt::format("{}: expected {}, found {}", place.written.empty() ? "the request" : place.written,
                                expected_type(shape.kind), value.type_name());
      }
      return;
    }
    switch (shape.kind) {
      case Kind::kString: return text(shape, value, place);
      case Kind::kInteger:
      case Kind::kFloat:
      case Kind::kTimestamp: return number(shape, value, place);
      case Kind::kBoolean: return;
      case Kind::kStructure: return structure(shape, value, place);
      case Kind::kList:
        length(shape, value.size(), value, place);
        for (std::size_t i = 0; i < value.size(); ++i) this->value(*shape.element, value[i], place.element(i));
        return;
      case Kind::kMap: return map(shape, value, place);
    }
  }

  std::optional<Rejection> rejection() const {
    if (!mistyped_.empty()) return Rejection{Rejection::Kind::kMalformed, mistyped_};
    if (!refused_.empty()) return Rejection{Rejection::Kind::kUnsupported, fmt::format("{}", fmt::join(refused_, "; "))};
    if (violations_ == 0) return std::nullopt;
    return Rejection{
        missing_ == violations_ ? Rejection::Kind::kMissing : Rejection::Kind::kViolated,
        fmt::format("{} validation error{} detected: {}", violations_, violations_ == 1 ? "" : "s", fmt::join(texts_, "; "))};
  }

 private:
  void violated(const json& value, const Place& place, std::string_view constraint) {
    ++violations_;
    if (texts_.size() == kViolationsShownMax) return;
    auto shown = value.is_string() ? value.get<std::string>() : codec::json_text(value);
    if (shown.size() > kShownValueMax) shown = shown.substr(0, kShownValueMax) + "..";
    auto quoted = value.is_null() ? shown : fmt::format("'{}'", shown);
    texts_.push_back(
        fmt::format("Value {} at '{}' failed to satisfy constraint: Member must {}", quoted, place.camel, constraint));
  }
  void refuse(const Place& place, std::string_view reason) {
    if (refused_.size() < kViolationsShownMax) {
      refused_.push_back(fmt::format("Member {} is not supported by Zeropull: {}", place.written, reason));
    }
  }

  void length(const Shape& shape, std::size_t length, const json& value, const Place& place) {
    auto size = static_cast<double>(length);
    if (shape.min && size < *shape.min)
      violated(value, place, fmt::format("have length greater than or equal to {}", *shape.min));
    if (shape.max && size > *shape.max) violated(value, place, fmt::format("have length less than or equal to {}", *shape.max));
  }

  void text(const Shape& shape, const json& value, const Place& place) {
    const auto& text = value.get_ref<const std::string&>();
    if (!shape.values.empty()) return choice(shape, value, text, place);
    length(shape, code_points(text), value, place);
    if (!shape.pattern.empty() && !matches(text, shape.pattern)) {
      violated(value, place, fmt::format("satisfy regular expression pattern: {}", shape.pattern));
    }
  }

  void choice(const Shape& shape, const json& value, const std::string& text, const Place& place) {
    auto found = std::ranges::find(shape.values, text, &Value::name);
    if (found == shape.values.end()) {
      std::vector<std::string_view> names;
      for (const auto& one : shape.values) names.push_back(one.name);
      violated(value, place, fmt::format("satisfy enum value set: [{}]", fmt::join(names, ", ")));
    } else if (!found->refused.empty()) {
      refuse({fmt::format("{} with value {}", place.written, text), ""}, found->refused);
    }
  }

  void number(const Shape& shape, json& value, const Place& place) {
    auto number = value.get<double>();
    if (shape.min && number < *shape.min)
      violated(value, place, fmt::format("have value greater than or equal to {}", *shape.min));
    if (shape.max && number > *shape.max) {
      violated(value, place,
               fmt::format("have value less than or equal to {}", static_cast<std::int64_t>(std::min(*shape.max, 9e15))));
    }
    if (shape.kind == Kind::kFloat) value = number;
  }

  void structure(const Shape& shape, json& value, const Place& place) {
    std::erase_if(value.get_ref<json::object_t&>(), [](const auto& member) { return member.second.is_null(); });
    for (auto& [name, found] : value.items()) {
      auto member = std::ranges::find(shape.members, name, &Member::name);
      auto at = place.member(name);
      if (member == shape.members.end()) {
        refuse(at, "there is no such member");
      } else if (member->need == Need::kRefused) {
        refuse(at, member->reason);
      } else {
        this->value(*member->shape, found, at);
      }
    }
    for (const auto& member : shape.members) {
      if (member.need == Need::kRequired && !value.contains(std::string(member.name))) {
        ++missing_;
        violated(json(nullptr), place.member(member.name), "not be null");
      }
    }
  }

  void map(const Shape& shape, json& value, const Place& place) {
    length(shape, value.size(), value, place);
    for (auto& [key, found] : value.items()) {
      json name = key;
      this->value(*shape.key, name, {fmt::format("{} key {}", place.written, key), place.camel});
      this->value(*shape.element, found, place.member(key));
    }
  }

  std::string mistyped_;  // the first one
  std::vector<std::string> refused_;
  std::vector<std::string> texts_;
  std::size_t violations_ = 0;
  std::size_t missing_ = 0;  // of these, for a member that is not there
};

}  // namespace

std::optional<Rejection> validate(const Shape& shape, nlohmann::json& input) {
  Validator validator;
  validator.value(shape, input, {});
  return validator.rejection();
}

}  // namespace zeropull::api
