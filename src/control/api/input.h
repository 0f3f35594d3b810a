// Reading validated input, and writing what the answers have in common. What the shape made sure of is not asked again: a member
// of another type is a broken invariant. For this room's .cc files, which include the whole of nlohmann/json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/state/records.h"

namespace zeropull::api {

bool has(const nlohmann::json& object, std::string_view name);
// The member, or what stands for it when it is absent.
std::string text_or(const nlohmann::json& object, std::string_view name, std::string_view fallback = "");
int int_or(const nlohmann::json& object, std::string_view name, int fallback);
double number_or(const nlohmann::json& object, std::string_view name, double fallback);
bool bool_or(const nlohmann::json& object, std::string_view name, bool fallback);

// kInvalidArgument: a key twice.
Result<state::Tags> tags_of(const nlohmann::json& object);
// The input as Describe gives it back: without Tags.
std::string body_of(const nlohmann::json& input);
// A body that was kept; it is ours, so that it parses.
nlohmann::json parse_body(const std::string& body);
double seconds_of(state::Millis time);

}  // namespace zeropull::api
