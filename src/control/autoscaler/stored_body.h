// What callers wrote, as the records keep it: JSON that was valid when it was stored, read member by member.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace zeropull::autoscaler {

// The text at `at`, a name or a path with slashes; "" where there is none.
std::string text_at(const nlohmann::json& body, std::string_view at);

}  // namespace zeropull::autoscaler
