#include "control/api/form.h"

#include <algorithm>

#include "control/api/limits.h"
#include "http/url.h"

namespace zeropull::api {

namespace {

std::optional<std::string> decode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return http::percent_decode(spaced);
}

// Takes the next field off the front of the body.
std::string_view take_field(std::string_view& body) {
  auto field = body.substr(0, body.find('&'));
  body.remove_prefix(std::min(field.size() + 1, body.size()));
  return field;
}

struct RawField {
  std::string_view name, value;
};
RawField split(std::string_view field) {
  auto equals = field.find('=');
  return {field.substr(0, equals), equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1)};
}

}  // namespace

std::optional<FormFields> parse_form(std::string_view body) {
  FormFields fields;
  while (!body.empty()) {
    auto raw = split(take_field(body));
    if (raw.name.empty() && raw.value.empty()) continue;
    auto name = decode(raw.name);
    auto value = decode(raw.value);
    if (!name || !value || fields.size() == kFormFieldsMax) return std::nullopt;
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

std::string form_value(std::string_view body, std::string_view name) {
  while (!body.empty()) {
    auto raw = split(take_field(body));
    if (raw.name == name) return decode(raw.value).value_or("");
  }
  return "";
}

}  // namespace zeropull::api
