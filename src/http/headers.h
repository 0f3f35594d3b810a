// Headers: the fields of one HTTP message in order. Names compare without case, as RFC 9110 section 5.1 asks. A plain value:
// not locked, copied freely.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace zeropull::http {

class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The first field of that name; valid until the headers change.
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string_view> find_all(std::string_view name) const;
  std::string_view find_or(std::string_view name, std::string_view fallback) const { return find(name).value_or(fallback); }

  void set(std::string_view name, std::string value);  // replaces every field of that name
  void add(std::string_view name, std::string value) { fields_.emplace_back(std::string(name), std::move(value)); }
  void remove(std::string_view name);

  // Refuses names that are no tokens and values with control characters: they would split a message.
  Result<void> check() const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

// ASCII comparison without case, and trimming of spaces and tabs, for header names and values.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);

// The media type of a Content-Type value: lower case, without parameters.
std::string media_type_of(const Headers& headers);

// A decimal number of bytes as in Content-Length; nullopt for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace zeropull::http
