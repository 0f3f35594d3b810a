#include "oci/ecr.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "codec/json.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

constexpr auto kTokenRenewBefore = std::chrono::minutes(10);
constexpr auto kLifetimeDefault = std::chrono::hours(12);  // of ECR's documentation, where expiresAt is absent
constexpr const char* kTarget = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";

// Takes `prefix` off the front of `text`.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

std::optional<EcrHost> parse_ecr_host(std::string_view host) {
  constexpr std::size_t kAccountDigits = 12;
  EcrHost out;
  if (host.size() < kAccountDigits || host.substr(0, kAccountDigits).find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  out.account = host.substr(0, kAccountDigits);
  host.remove_prefix(kAccountDigits);
  if (!take(host, ".dkr.ecr")) return std::nullopt;
  const bool fips = take(host, "-fips");
  if (!take(host, ".")) return std::nullopt;
  const auto dot = host.find('.');
  out.region = host.substr(0, dot);
  if (dot == std::string_view::npos || !is_region(out.region)) return std::nullopt;
  const auto domain = host.substr(dot + 1);
  if (domain != "amazonaws.com" && domain != "amazonaws.com.cn") return std::nullopt;
  out.api = (fips ? "ecr-fips." : "api.ecr.") + out.region + "." + std::string(domain);
  return out;
}

Result<std::optional<Login>> EcrLogins::find(const Context& ctx, const std::string& host) {
  const auto ecr = parse_ecr_host(host);
  if (!ecr) return std::optional<Login>();
  {
    auto logins = logins_.lock();
    const auto found = logins->find(host);
    if (found != logins->end() && clock_.wall_now() < *found->second.expires) return std::optional(found->second);
  }
  auto login = TRY(fetch(ctx, *ecr).with_context("Amazon ECR login for {}", host));
  logins_.lock()->insert_or_assign(host, login);
  return std::optional(std::move(login));
}

void EcrLogins::forget(const std::string& host) { logins_.lock()->erase(host); }

Result<Login> EcrLogins::fetch(const Context& ctx, const EcrHost& host) {
  const auto credentials = TRY(options_.credentials());
  auto url = TRY(http::Url::origin("https", host.api));
  if (options_.endpoint) url = *options_.endpoint;

  constexpr std::string_view kBody = "{}";
  http::Request request{.method = "POST", .url = url, .body = as_bytes(kBody), .response_max = kTokenAnswerMax};
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", kTarget}};
  const auto now = clock_.wall_now();
  aws::sign(request.method, url, request.headers, request.body, credentials,
            {.region = host.region, .service = "ecr", .time = now});
  const auto response = TRY(client_.request(ctx, request));
  if (!response.ok()) {
    const auto code = response.status >= 500 || response.status == 429 ? Code::kUnavailable : Code::kUnauthenticated;
    return make_error(code, "GetAuthorizationToken answered {}: {}", response.status, response.body.substr(0, 300));
  }
  const auto document = TRY(codec::parse_json(response.body, {.size_max = kTokenAnswerMax}));
  const auto* list = TRY(codec::json_array(document, "authorizationData"));
  if (list->empty()) return make_error(Code::kUnauthenticated, "GetAuthorizationToken gave no token");
  auto encoded = TRY(codec::json_string(list->front(), "authorizationToken"));
  const auto decoded = codec::base64_decode(encoded);
  const std::string text(decoded ? as_text(*decoded) : std::string_view());
  const auto colon = text.find(':');
  if (colon == std::string::npos)
    return make_error(Code::kUnauthenticated, "GetAuthorizationToken gave no base64 of user:password");

  auto expires = now + kLifetimeDefault;
  const auto* stamp = codec::json_find(list->front(), "expiresAt");  // seconds since 1970, with a fraction
  if (stamp != nullptr && stamp->is_number())
    expires = std::min(expires, wall_time(static_cast<std::int64_t>(std::clamp(stamp->get<double>(), 0.0, 1e10))));
  return Login{
      .username = text.substr(0, colon), .password = Secret(text.substr(colon + 1)), .expires = expires - kTokenRenewBefore};
}

}  // namespace zeropull::oci
