// Url: an absolute http or https URL, parsed once and then always well formed (RFC 3986, without user information and
// fragment). The path and query stay percent-encoded as they were given. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::http {

class Url {
 public:
  // kInvalidArgument unless "http(s)://host[:port][/path][?query]"; a fragment and "user@" are refused, the latter because a
  // password in a URL ends up in logs.
  static Result<Url> parse(std::string_view text);
  // An http(s) origin: host as in parse, port 0 means the scheme's own.
  static Result<Url> origin(std::string_view scheme, std::string_view host_and_port);

  // The URL that `reference` (a Location header: absolute, scheme-relative, path or query) names from here; RFC 3986 section 5.
  // A fragment is dropped.
  Result<Url> join(std::string_view reference) const;
  // Replaces path and query; `path` starts with "/" and both are percent-encoded already. CHECKed: paths are built by us.
  Url with_path(std::string path, std::string query = {}) const;

  const std::string& scheme() const { return scheme_; }  // "http" or "https"
  const std::string& host() const { return host_; }      // lower case; an IPv6 address without its brackets
  std::uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }    // starts with "/"
  const std::string& query() const { return query_; }  // without "?"
  bool secure() const { return scheme_ == "https"; }
  std::string authority() const;  // "host" or "host:port" when it is not the scheme's port: the Host header
  std::string target() const;     // path and query: the request line
  std::string text() const;
  std::string text_without_query() const;  // for messages: queries carry signatures and tokens
  bool same_origin(const Url& other) const;

 private:
  Url() = default;
  std::string scheme_, host_;
  std::uint16_t port_ = 0;
  std::string path_ = "/", query_;
};

// Percent-encodes every byte but RFC 3986's unreserved ones and those in `keep`: percent_encode(path, "/").
std::string percent_encode(std::string_view text, std::string_view keep = {});
// nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace zeropull::http
