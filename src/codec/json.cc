#include "codec/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace zeropull::codec {
namespace {

using Json = nlohmann::json;

// The deepest nesting of brackets outside of strings. Counted before parsing, as the library recurses over what it has parsed.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); i++) {
    const char letter = text[i];
    if (in_string) {
      if (letter == '\\') {
        i++;
      } else if (letter == '"') {
        in_string = false;
      }
    } else if (letter == '"') {
      in_string = true;
    } else if (letter == '{' || letter == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((letter == '}' || letter == ']') && depth > 0) {
      depth--;
    }
  }
  return deepest;
}

// The library's type_name() with an article, and one word for its three kinds of numbers.
std::string_view kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::object: return "an object";
    case Json::value_t::array: return "an array";
    case Json::value_t::string: return "a string";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float: return "a number";
    default: return "something else";
  }
}

Error wrong_type(std::string_view at, std::string_view expected, const Json& found) {
  return make_error(Code::kInvalidArgument, "{}: expected {}, found {}", at, expected, kind_of(found));
}

Error missing(std::string_view at, std::string_view expected) {
  return make_error(Code::kInvalidArgument, "{}: expected {}, found nothing", at, expected);
}

// One step of a JSON pointer: the member or element that `token` names, or nullptr.
const Json* child(const Json& value, std::string_view token) {
  if (value.is_object()) {
    const auto found = value.find(token);
    return found == value.end() ? nullptr : &*found;
  }
  if (!value.is_array() || token.empty() || token.size() > 9 || (token.size() > 1 && token.front() == '0')) return nullptr;
  std::size_t index = 0;
  for (const char digit : token) {
    if (digit < '0' || digit > '9') return nullptr;
    index = index * 10 + static_cast<std::size_t>(digit - '0');
  }
  return index < value.size() ? &value[index] : nullptr;
}

std::string unescape(std::string_view token) {  // RFC 6901: ~1 is a slash, ~0 a tilde
  std::string text;
  for (std::size_t i = 0; i < token.size(); i++) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      text.push_back(token[++i] == '0' ? '~' : '/');
    } else {
      text.push_back(token[i]);
    }
  }
  return text;
}

template <typename T>
Result<T> required(Result<std::optional<T>> found, std::string_view at, std::string_view expected) {
  std::optional<T> value = TRY(std::move(found));
  if (!value) return missing(at, expected);
  return std::move(*value);
}

Result<const Json*> required(Result<const Json*> found, std::string_view at, std::string_view expected) {
  const Json* value = TRY(std::move(found));
  if (value == nullptr) return missing(at, expected);
  return value;
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.size_max) {
    return make_error(Code::kInvalidArgument, "JSON of {} bytes is larger than the limit of {}", text.size(), limits.size_max);
  }
  if (depth_of(text) > limits.depth_max) {
    return make_error(Code::kInvalidArgument, "JSON is nested deeper than the limit of {}", limits.depth_max);
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return make_error(Code::kInvalidArgument, "not valid JSON at byte {}", error.byte);
  } catch (const Json::exception& error) {  // a number that no type holds
    return make_error(Code::kInvalidArgument, "not usable JSON: {}", error.what());
  }
}

std::string json_text(const Json& value, int indent) { return value.dump(indent, ' ', false, Json::error_handler_t::replace); }

const Json* json_find(const Json& value, std::string_view at) {
  const Json* found = &value;
  if (at.starts_with('/')) {
    while (found != nullptr && !at.empty()) {
      at.remove_prefix(1);
      const std::string_view token = at.substr(0, at.find('/'));
      at.remove_prefix(token.size());
      found = child(*found, unescape(token));
    }
  } else {
    found = child(value, at);
  }
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::optional<std::string>> json_optional_string(const Json& value, std::string_view at) {
  const Json* found = json_find(value, at);
  if (found == nullptr) return std::optional<std::string>();
  std::string text = TRY(json_as_string(*found, at));
  return std::optional(std::move(text));
}

Result<std::optional<std::int64_t>> json_optional_int(const Json& value, std::string_view at, JsonRange range) {
  const Json* found = json_find(value, at);
  if (found == nullptr) return std::optional<std::int64_t>();
  if (!found->is_number_integer()) return wrong_type(at, "a whole number", *found);
  const bool fits = !found->is_number_unsigned() || found->get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
  if (!fits || found->get<std::int64_t>() < range.min || found->get<std::int64_t>() > range.max) {
    return make_error(Code::kInvalidArgument, "{}: {} is not between {} and {}", at, json_text(*found), range.min, range.max);
  }
  return std::optional(found->get<std::int64_t>());
}

Result<std::optional<bool>> json_optional_bool(const Json& value, std::string_view at) {
  const Json* found = json_find(value, at);
  if (found == nullptr) return std::optional<bool>();
  if (!found->is_boolean()) return wrong_type(at, "a boolean", *found);
  return std::optional(found->get<bool>());
}

Result<const Json*> json_optional_object(const Json& value, std::string_view at) {
  const Json* found = json_find(value, at);
  if (found != nullptr && !found->is_object()) return wrong_type(at, "an object", *found);
  return found;
}

Result<const Json*> json_optional_array(const Json& value, std::string_view at) {
  const Json* found = json_find(value, at);
  if (found != nullptr && !found->is_array()) return wrong_type(at, "an array", *found);
  return found;
}

Result<std::vector<std::string>> json_optional_strings(const Json& value, std::string_view at) {
  std::vector<std::string> texts;
  const Json* found = TRY(json_optional_array(value, at));
  if (found == nullptr) return texts;
  for (std::size_t i = 0; i < found->size(); i++) {
    std::string text = TRY(json_as_string((*found)[i], fmt::format("{}[{}]", at, i)));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<std::map<std::string, std::string>> json_optional_string_map(const Json& value, std::string_view at) {
  std::map<std::string, std::string> texts;
  const Json* found = TRY(json_optional_object(value, at));
  if (found == nullptr) return texts;
  for (const auto& [name, member] : found->items()) {
    std::string text = TRY(json_as_string(member, fmt::format("{}[\"{}\"]", at, name)));
    texts.emplace(name, std::move(text));
  }
  return texts;
}

Result<void> json_read(const Json& object, std::string_view key, std::string& into) {
  auto value = TRY(json_optional_string(object, key));
  if (value) into = std::move(*value);
  return {};
}

Result<void> json_read(const Json& object, std::string_view key, bool& into) {
  auto value = TRY(json_optional_bool(object, key));
  if (value) into = *value;
  return {};
}

Result<void> json_read(const Json& object, std::string_view key, JsonRange range, std::uint32_t& into) {
  range.max = std::min(range.max, std::int64_t{std::numeric_limits<std::uint32_t>::max()});
  auto value = TRY(json_optional_int(object, key, range));
  if (value) into = static_cast<std::uint32_t>(*value);
  return {};
}

Result<void> json_read(const Json& object, std::string_view key, JsonRange range, std::uint64_t& into) {
  auto value = TRY(json_optional_int(object, key, range));
  if (value) into = static_cast<std::uint64_t>(*value);
  return {};
}

Result<void> json_refuse_unknown(const Json& object, const std::vector<std::string_view>& known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return make_error(Code::kInvalidArgument, "unknown key {:?}; known are {}", key, fmt::join(known, ", "));
    }
  }
  return {};
}

Result<std::string> json_as_string(const Json& value, std::string_view where) {
  if (!value.is_string()) return wrong_type(where, "a string", value);
  return value.get<std::string>();
}

Result<std::string> json_string(const Json& value, std::string_view at) {
  return required(json_optional_string(value, at), at, "a string");
}
Result<std::int64_t> json_int(const Json& value, std::string_view at, JsonRange range) {
  return required(json_optional_int(value, at, range), at, "a whole number");
}
Result<bool> json_bool(const Json& value, std::string_view at) {
  return required(json_optional_bool(value, at), at, "a boolean");
}
Result<const Json*> json_object(const Json& value, std::string_view at) {
  return required(json_optional_object(value, at), at, "an object");
}
Result<const Json*> json_array(const Json& value, std::string_view at) {
  return required(json_optional_array(value, at), at, "an array");
}

}  // namespace zeropull::codec
