// Forms: bodies of type application/x-www-form-urlencoded, "a=1&b=x%20y". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zeropull::api {

using FormFields = std::vector<std::pair<std::string, std::string>>;  // in the order of the body

// nullopt: a broken escape, or more fields than kFormFieldsMax.
std::optional<FormFields> parse_form(std::string_view body);
// The first field of that name, decoded; "" where there is none.
std::string form_value(std::string_view body, std::string_view name);

}  // namespace zeropull::api
