#include "aws/canonical.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "http/headers.h"
#include "http/url.h"

namespace zeropull::aws {

namespace {

// Takes the part of `text` before the next `separator` off its front, and the separator with it.
std::string_view take_part(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::string encode_again(std::string_view raw) {
  return http::percent_encode(http::percent_decode(raw).value_or(std::string(raw)));
}

}  // namespace

std::string canonical_path(std::string_view path, PathForm form) {
  if (form == PathForm::kAsIs) return path.empty() ? "/" : std::string(path);
  std::vector<std::string_view> segments;
  const bool folder = path.ends_with('/');
  while (!path.empty()) {
    const auto segment = take_part(path, '/');
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (const auto segment : segments) out += "/" + http::percent_encode(segment);
  if (folder || out.empty()) out += '/';
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    auto value = take_part(query, '&');
    if (value.empty()) continue;
    const auto name = take_part(value, '=');
    pairs.emplace_back(encode_again(name), encode_again(value));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

void append_header_value(std::string& out, std::string_view value) {
  bool blank_before = false;
  for (const char c : http::trim(value)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) out += c;
    if (blank && !blank_before) out += ' ';
    blank_before = blank;
  }
}

}  // namespace zeropull::aws
