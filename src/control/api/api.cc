#include "control/api/api.h"

#include <nlohmann/json.hpp>

#include "codec/digest.h"
#include "codec/json.h"
#include "control/api/authenticator.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/log.h"
#include "control/api/operations.h"
#include "control/api/validate.h"
#include "control/state/millis.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

constexpr std::string_view kContentType = "application/x-amz-json-1.1";

http::ServerResponse answer(const std::string& request_id, int status, std::string body) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("x-amzn-RequestId", request_id);
  response.headers.set("Content-Type", std::string(kContentType));
  response.body = std::move(body);
  return response;
}

http::ServerResponse error_answer(const std::string& request_id, const Refused& refused) {
  auto response =
      answer(request_id, refused.status,
             codec::json_text({{"__type", refused.type}, {"message", refused.message}, {"Message", refused.message}}));
  response.headers.set("x-amzn-ErrorType", refused.type);
  return response;
}

// The one table from our codes to the service's.
Refused refused_by(const Error& error, const std::string& request_id) {
  switch (error.code()) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition: return {400, "ValidationException", error.message()};
    case Code::kResourceExhausted: return {400, "ResourceLimitExceeded", error.message()};
    case Code::kUnavailable: return {503, "ServiceUnavailable", error.message()};
    default:
      LOG_ERROR(kLog, "request {}: {}", request_id, error.to_string());
      return {500, "InternalFailure", fmt::format("Internal failure; the server's log has it under request {}.", request_id)};
  }
}

// "6f0b1c1e-5d3d-4a53-9f0e-0e6a5b8f3a11"
std::string make_request_id(Random& random) {
  auto hex = random_hex(random, 16);
  hex[12] = '4';
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20));
}

// The operation that X-Amz-Target names: without the service's "SageMaker.", with our own "Zeropull.".
std::string_view operation_name(const http::ServerRequest& request) {
  constexpr std::string_view kService = "SageMaker.";
  auto target = request.headers.find_or("X-Amz-Target", "");
  if (target.starts_with("Zeropull.")) return target;
  auto name = target.starts_with(kService) ? target.substr(kService.size()) : "";
  return name.find('.') == std::string_view::npos ? name : "";
}

std::optional<Refused> authenticate(const Authenticator& authenticator, const http::ServerRequest& request,
                                    std::string& account) {
  std::vector<aws::HeaderView> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  auto body = codec::sha256(as_bytes(request.body));
  return authenticator.authenticate({request.method, request.target, headers}, &body, account);
}

std::variant<json, Refused> parse_input(const Shape& shape, const std::string& body) {
  auto input = codec::parse_json(body.empty() ? "{}" : body, {.size_max = kRequestBytesMax, .depth_max = kRequestDepthMax});
  if (!input.ok())
    return Refused{400, "SerializationException", fmt::format("The body is not JSON: {}", input.error().message())};
  if (auto rejection = validate(shape, *input)) return Refused{400, rejection->type, rejection->message};
  return std::move(*input);
}

}  // namespace

http::ServerResponse Api::handle(const Context& ctx, const http::ServerRequest& request) const {
  auto request_id = make_request_id(*parts_.random);
  std::string account;
  if (auto refused = authenticate(*parts_.authenticator, request, account)) return error_answer(request_id, *refused);
  auto name = operation_name(request);
  auto run = find_operation(name);
  if (run == nullptr || request.method != "POST" || request.path != "/") {
    return error_answer(request_id, {404, "UnknownOperationException",
                                     fmt::format("There is no operation \"{}\" at {} {}.",
                                                 request.headers.find_or("X-Amz-Target", ""), request.method, request.path)});
  }
  auto input = parse_input(*input_shape(name), request.body);
  if (const auto* refused = std::get_if<Refused>(&input)) return error_answer(request_id, *refused);
  auto now = state::millis_of(parts_.clock->wall_now());
  auto result = run({ctx, parts_, account, std::get<json>(input), now});
  if (!result.ok()) return error_answer(request_id, refused_by(result.error(), request_id));
  return answer(request_id, 200, codec::json_text(*result));
}

}  // namespace zeropull::api
