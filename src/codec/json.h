// JSON from outside, parsed with limits, and typed access to it whose errors say where and what: no exception of the library
// leaves this room. Thread-safe. Callers include nlohmann/json.hpp in their .cc where they need more than this.
//
// `at` names a member of the object, or by RFC 6901 a descendant when it begins with a slash: json_string(manifest,
// "/config/digest"). Errors are kInvalidArgument: "/config/digest: expected a string, found a number". Add where the object
// stands with .with_context().
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::codec {

struct JsonLimits {
  std::size_t size_max;
  std::size_t depth_max = 64;  // of nested objects and arrays
};
Result<nlohmann::json> parse_json(std::string_view text, JsonLimits limits);

// The text of a value, in one line or indented by `indent` spaces. Strings that are not UTF-8 get U+FFFD where they are broken.
std::string json_text(const nlohmann::json& value, int indent = -1);

// The value at `at`; nullptr when it or a parent of it is absent or null.
const nlohmann::json* json_find(const nlohmann::json& value, std::string_view at);

struct JsonRange {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

// A required value: absent and null are errors too.
Result<std::string> json_string(const nlohmann::json& value, std::string_view at);
Result<std::int64_t> json_int(const nlohmann::json& value, std::string_view at, JsonRange range = {});
Result<bool> json_bool(const nlohmann::json& value, std::string_view at);
Result<const nlohmann::json*> json_object(const nlohmann::json& value, std::string_view at);  // never nullptr
Result<const nlohmann::json*> json_array(const nlohmann::json& value, std::string_view at);   // never nullptr

// An optional value: absent and null are nullopt, nullptr or empty; another type is an error.
Result<std::optional<std::string>> json_optional_string(const nlohmann::json& value, std::string_view at);
Result<std::optional<std::int64_t>> json_optional_int(const nlohmann::json& value, std::string_view at, JsonRange range = {});
Result<std::optional<bool>> json_optional_bool(const nlohmann::json& value, std::string_view at);
Result<const nlohmann::json*> json_optional_object(const nlohmann::json& value, std::string_view at);
Result<const nlohmann::json*> json_optional_array(const nlohmann::json& value, std::string_view at);
Result<std::vector<std::string>> json_optional_strings(const nlohmann::json& value, std::string_view at);
Result<std::map<std::string, std::string>> json_optional_string_map(const nlohmann::json& value, std::string_view at);

// Members of a configuration: absent and null leave `into` as it is.
Result<void> json_read(const nlohmann::json& object, std::string_view key, std::string& into);
Result<void> json_read(const nlohmann::json& object, std::string_view key, bool& into);
Result<void> json_read(const nlohmann::json& object, std::string_view key, JsonRange range, std::uint32_t& into);
Result<void> json_read(const nlohmann::json& object, std::string_view key, JsonRange range, std::uint64_t& into);
// kInvalidArgument, naming the known ones, when the object has another key: a misspelt one is found at start.
Result<void> json_refuse_unknown(const nlohmann::json& object, const std::vector<std::string_view>& known);

// A value that was reached without a name, as an array's element is; `where` names it in the error.
Result<std::string> json_as_string(const nlohmann::json& value, std::string_view where);

}  // namespace zeropull::codec
