#include "http/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/check.h"
#include "http/headers.h"
#include "http/limits.h"

namespace zeropull::http {

namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_unreserved(char c) { return is_alphanumeric(c) || std::string_view("-._~").contains(c); }

// What may stand in a path or query as it is. Wider than RFC 3986 by what servers put into Location headers in practice; blanks,
// control characters, quotes and everything above ASCII are refused.
bool is_plain_target(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\'; });
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::ranges::all_of(host, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
  return host.size() >= 2 && host.size() <= 45 && host.contains(':') &&
         std::ranges::all_of(host, [](char c) { return std::string_view("0123456789abcdefABCDEF:.").contains(c); });
}

// RFC 3986 section 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;  // the result ends in "/"
  for (std::size_t at = 1; at <= path.size();) {
    auto end = std::min(path.find('/', at), path.size());
    auto segment = path.substr(at, end - at);
    folder = segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (auto segment : kept) out.append("/").append(segment);
  if (folder || out.empty()) out += '/';
  return out;
}

}  // namespace

Result<Url> Url::origin(std::string_view scheme, std::string_view host_and_port) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kInvalidArgument, "\"{}\" is no host[:port]: {}", host_and_port, why);
  };
  Url url;
  url.scheme_ = to_lower(scheme);
  if (url.scheme_ != "http" && url.scheme_ != "https")
    return make_error(Code::kInvalidArgument, "scheme \"{}\" is neither http nor https", scheme);
  if (host_and_port.contains('@')) return refuse("user names and passwords do not belong in it");

  std::string_view port_text;
  if (host_and_port.starts_with('[')) {
    auto close = host_and_port.find(']');
    if (close == std::string_view::npos) return refuse("the bracket is not closed");
    auto host = host_and_port.substr(1, close - 1);
    if (!is_ipv6(host)) return refuse("no IPv6 address stands in the brackets");
    url.host_ = to_lower(host);
    port_text = host_and_port.substr(close + 1);
  } else {
    auto colon = host_and_port.find(':');
    auto host = host_and_port.substr(0, colon);
    if (!is_host_name(host)) return refuse("the host has characters that no host name has");
    url.host_ = to_lower(host);
    if (colon != std::string_view::npos) port_text = host_and_port.substr(colon);
  }

  url.port_ = default_port(url.scheme_);
  if (!port_text.empty()) {
    auto port = port_text.front() == ':' ? parse_size(port_text.substr(1)) : std::nullopt;
    if (!port || *port == 0 || *port > UINT16_MAX) return refuse("the port is no number from 1 to 65535");
    url.port_ = static_cast<std::uint16_t>(*port);
  }
  return url;
}

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kUrlMax) return make_error(Code::kInvalidArgument, "URL of {} bytes is longer than {}", text.size(), kUrlMax);
  auto colon = text.find("://");
  if (colon == std::string_view::npos) return make_error(Code::kInvalidArgument, "\"{}\" is no http or https URL", text);
  auto rest = text.substr(colon + 3);
  auto authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  auto url = TRY(origin(text.substr(0, colon), rest.substr(0, authority_end)));
  rest = rest.substr(authority_end);
  if (!is_plain_target(rest))
    return make_error(Code::kInvalidArgument, "{} has characters in its path that no URL has", url.text());
  if (rest.contains('#')) return make_error(Code::kInvalidArgument, "{} has a fragment", url.text());
  auto question = rest.find('?');
  if (auto path = rest.substr(0, question); !path.empty()) url.path_ = path;
  if (question != std::string_view::npos) url.query_ = rest.substr(question + 1);
  return url;
}

Result<Url> Url::join(std::string_view reference) const {
  reference = reference.substr(0, reference.find('#'));
  if (reference.size() > kUrlMax)
    return make_error(Code::kInvalidArgument, "URL of {} bytes is longer than {}", reference.size(), kUrlMax);
  if (reference.starts_with("//")) return parse(scheme_ + ":" + std::string(reference));
  auto colon = reference.find_first_of(":/?");
  if (colon != std::string_view::npos && reference[colon] == ':') return parse(reference);
  if (!is_plain_target(reference))
    return make_error(Code::kInvalidArgument, "relative URL from {} has characters that no URL has", authority());

  Url out = *this;
  if (reference.empty()) return out;
  auto question = reference.find('?');
  auto path = reference.substr(0, question);
  out.query_ = question == std::string_view::npos ? std::string() : std::string(reference.substr(question + 1));
  if (path.starts_with('/')) {
    out.path_ = remove_dot_segments(path);
  } else if (!path.empty()) {
    out.path_ = remove_dot_segments(path_.substr(0, path_.rfind('/') + 1) + std::string(path));
  }
  return out;
}

Url Url::with_path(std::string path, std::string query) const {
  CHECK(path.starts_with('/') && is_plain_target(path) && !path.contains('?') && !path.contains('#'));
  CHECK(is_plain_target(query) && !query.contains('#'));
  Url out = *this;
  out.path_ = std::move(path);
  out.query_ = std::move(query);
  return out;
}

std::string Url::authority() const {
  std::string host = host_.contains(':') ? "[" + host_ + "]" : host_;
  return port_ == default_port(scheme_) ? host : fmt::format("{}:{}", host, port_);
}

std::string Url::target() const { return query_.empty() ? path_ : path_ + "?" + query_; }
std::string Url::text() const { return scheme_ + "://" + authority() + target(); }
std::string Url::text_without_query() const { return scheme_ + "://" + authority() + path_; }

bool Url::same_origin(const Url& other) const { return scheme_ == other.scheme_ && host_ == other.host_ && port_ == other.port_; }

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string out;
  for (char c : text) {
    if (is_unreserved(c) || keep.contains(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* digits = text.data() + i + 1;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

}  // namespace zeropull::http
