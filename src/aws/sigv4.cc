#include "aws/sigv4.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>

#include <map>

#include "aws/canonical.h"
#include "codec/digest.h"

namespace zeropull::aws {

namespace {

// Lower-case names with their values, those of one name joined in their order.
std::map<std::string, std::string> canonical_headers(const http::Headers& headers) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : headers) {
    auto [entry, added] = out.try_emplace(http::to_lower(name));
    if (!added) entry->second += ',';
    append_header_value(entry->second, value);
  }
  return out;
}

}  // namespace

std::string SigningScope::text() const { return fmt::format("{}/{}/{}/aws4_request", date, region, service); }

std::string amz_date(WallTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  struct tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:%Y%m%dT%H%M%SZ}", parts);
}

std::string signed_headers(const http::Headers& headers) {
  std::string out;
  for (const auto& [name, value] : canonical_headers(headers)) out += (out.empty() ? "" : ";") + name;
  return out;
}

std::string canonical_request(const RequestParts& parts, std::string_view service) {
  std::string headers;
  for (const auto& [name, value] : canonical_headers(parts.headers)) headers += name + ":" + value + "\n";
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", parts.method, canonical_path(parts.url.path(), path_form(service)),
                     canonical_query(parts.url.query()), headers, signed_headers(parts.headers), parts.payload_sha256);
}

std::string string_to_sign(std::string_view date, const SigningScope& scope, std::string_view request) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date, scope.text(), codec::sha256(as_bytes(request)).hex());
}

Secret signing_key(const Secret& secret_access_key, const SigningScope& scope) {
  const Secret prefixed("AWS4" + secret_access_key.reveal());
  auto key = codec::hmac_sha256(as_bytes(prefixed.reveal()), {as_bytes(scope.date)});
  for (std::string_view step :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")})
    key = codec::hmac_sha256(key.view(), {as_bytes(step)});
  return Secret(std::string(as_text(key.view())));
}

std::string signature(const Secret& signing_key, std::string_view text) {
  return codec::hmac_sha256(as_bytes(signing_key.reveal()), {as_bytes(text)}).hex();
}

void sign(std::string_view method, const http::Url& url, http::Headers& headers, ByteView body, const Credentials& credentials,
          const SignOptions& options) {
  const auto date = amz_date(options.time);
  const auto payload = codec::sha256(body).hex();
  headers.remove("Authorization");
  headers.set("Host", url.authority());
  headers.set("X-Amz-Date", date);
  if (credentials.session_token) headers.set("X-Amz-Security-Token", credentials.session_token->reveal());
  if (options.service == "s3") headers.set("X-Amz-Content-Sha256", payload);

  const SigningScope scope{date.substr(0, 8), options.region, options.service};
  const auto request = canonical_request({method, url, headers, payload}, options.service);
  const auto proof = signature(signing_key(credentials.secret_access_key, scope), string_to_sign(date, scope, request));
  headers.add("Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                           credentials.access_key_id, scope.text(), signed_headers(headers), proof));
}

}  // namespace zeropull::aws
