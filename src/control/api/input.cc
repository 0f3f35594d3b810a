#include "control/api/input.h"

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/json.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

const json* find(const json& object, std::string_view name) {
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

bool has(const json& object, std::string_view name) { return find(object, name) != nullptr; }

std::string text_or(const json& object, std::string_view name, std::string_view fallback) {
  const auto* found = find(object, name);
  return found == nullptr ? std::string(fallback) : found->get<std::string>();
}

int int_or(const json& object, std::string_view name, int fallback) {
  const auto* found = find(object, name);
  return found == nullptr ? fallback : found->get<int>();
}

double number_or(const json& object, std::string_view name, double fallback) {
  const auto* found = find(object, name);
  return found == nullptr ? fallback : found->get<double>();
}

bool bool_or(const json& object, std::string_view name, bool fallback) {
  const auto* found = find(object, name);
  return found == nullptr ? fallback : found->get<bool>();
}

Result<state::Tags> tags_of(const json& object) {
  state::Tags tags;
  const auto* list = find(object, "Tags");
  if (list == nullptr) return tags;
  for (const auto& tag : *list) {
    if (!tags.emplace(text_or(tag, "Key"), text_or(tag, "Value")).second) {
      return make_error(Code::kInvalidArgument, "The tag key \"{}\" was non-unique within the request.", text_or(tag, "Key"));
    }
  }
  return tags;
}

std::string body_of(const json& input) {
  json body = input;
  body.erase("Tags");
  return codec::json_text(body);
}

json parse_body(const std::string& body) {
  if (body.empty()) return json::object();
  auto parsed = json::parse(body, nullptr, false);
  CHECK(!parsed.is_discarded());
  return parsed;
}

double seconds_of(state::Millis time) { return static_cast<double>(time) / 1000; }

}  // namespace zeropull::api
