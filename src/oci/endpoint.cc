#include "oci/endpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "http/retry.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

constexpr std::size_t kExcerptMax = 300;

// Text of a stranger's for an error message: one line, without control characters.
std::string excerpt(std::string_view text) {
  std::string out(text.substr(0, kExcerptMax));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return out;
}

// The message of the distribution specification's error document, or the body's beginning.
std::string registry_message(const http::Response& response) {
  if (auto document = codec::parse_json(response.body, {.size_max = http::kErrorBodyMax}); document.ok()) {
    auto code = codec::json_string(*document, "/errors/0/code");
    auto message = codec::json_optional_string(*document, "/errors/0/message");
    if (code.ok()) return excerpt(*code + (message.ok() && *message ? ": " + **message : ""));
  }
  if (http::media_type_of(response.headers) == "text/html") return "an HTML page; is this a registry?";
  return excerpt(response.body);
}

}  // namespace

Result<void> check_status(const http::Response& response) {
  if (response.ok()) return {};
  const int status = response.status;
  Code code = Code::kUnknown;
  std::string_view advice;
  if (status == 401) {
    code = Code::kUnauthenticated;
    advice = "; log in to the registry or name a file with the login";
  } else if (status == 403) {
    code = Code::kPermissionDenied;
    advice = "; the login lacks the right to pull";
  } else if (status == 404) {
    code = Code::kNotFound;
    advice = "; check the image's name";
  } else if (http::is_retried_status(status)) {
    code = Code::kUnavailable;
  }
  const auto message = registry_message(response);
  return make_error(code, "{} answered {}{}{}{}", response.url.authority(), status, message.empty() ? "" : " ", message, advice);
}

Result<void> check_not_html(const http::Response& head) {
  if (http::media_type_of(head.headers) != "text/html") return {};
  return make_error(Code::kFailedPrecondition, "{} answered text/html, is this a registry?", head.url.authority());
}

Result<http::Response> Endpoint::get(const Context& ctx, const std::string& what, const http::Headers& headers,
                                     const http::Sink* sink, std::size_t response_max) {
  http::Request request{.url = target_.base.with_path("/v2/" + target_.repository + "/" + what), .headers = headers};
  request.response_max = response_max;
  auto used = TRY(authorizer_.current(ctx));
  for (int refusals = 0;;) {
    if (!used.empty()) request.headers.set("Authorization", used.reveal());
    auto response = TRY(send(ctx, request, sink));
    if (response.status != 401 && response.status != 403) return response;
    if (!used.empty() && ++refusals > 1) return response;  // without a login it was no refusal, but the question for one
    // A 403 from another host, that a redirect led to, is not this registry's refusal.
    if (!response.url.same_origin(target_.base)) return response;
    auto renewed = authorizer_.renew(ctx, response, used);
    if (!renewed) {
      return std::move(renewed).take_error().with(fmt::format("{} answered {}", response.url.authority(), response.status));
    }
    auto next = TRY(authorizer_.current(ctx));
    if (next.reveal() == used.reveal()) return response;
    used = std::move(next);
  }
}

Result<http::Response> Endpoint::send(const Context& ctx, const http::Request& request, const http::Sink* sink) {
  return sink != nullptr ? client_.stream(ctx, request, *sink) : client_.request(ctx, request);
}

}  // namespace zeropull::oci
