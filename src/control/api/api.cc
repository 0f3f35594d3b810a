#include "control/api/api.h"

#include <nlohmann/json.hpp>

#include "codec/digest.h"
#include "codec/gzip.h"
#include "control/api/authenticator.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/log.h"
#include "control/api/operations.h"
#include "control/api/protocol.h"
#include "control/api/service.h"
#include "control/state/ids.h"
#include "control/state/millis.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

http::ServerResponse respond(const Address& address, const std::string& request_id, int status, std::string body) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("x-amzn-RequestId", request_id);
  response.headers.set("Content-Type", std::string(address.protocol->content_type));
  response.body = std::move(body);
  return response;
}

http::ServerResponse respond(const Address& address, const std::string& request_id, const Refused& refused) {
  auto response = respond(address, request_id, refused.status, address.protocol->error(refused, request_id));
  response.headers.set("x-amzn-ErrorType", refused.type.substr(refused.type.find('#') + 1));
  if (!refused.query_code.empty()) {
    response.headers.set("x-amzn-query-error",
                         fmt::format("{};{}", refused.query_code, refused.status < 500 ? "Sender" : "Receiver"));
  }
  return response;
}

Refused refused_as(const Address& address, const FaultName& name, std::string message) {
  return {name.status, fmt::format("{}{}", address.service->error_namespace, name.type), std::move(message),
          std::string(name.query_code)};
}

Refused refused_by(const Address& address, const Error& error, const std::string& request_id) {
  if (auto name = address.service->error(error.code(), address.operation)) return refused_as(address, *name, error.message());
  LOG_ERROR(kLog, "request {}: {}", request_id, error.to_string());
  return refused_as(address, address.service->internal,
                    fmt::format("Internal failure; the server's log has it under request {}.", request_id));
}

Refused unknown_operation(const Address& address, const http::ServerRequest& request) {
  auto message = fmt::format("There is no operation \"{}\" at {} {}.", address.named, request.method, request.path);
  if (address.protocol->dialect == aws::ErrorDialect::kQuery) return {400, "InvalidAction", std::move(message), "InvalidAction"};
  return {404, "UnknownOperationException", std::move(message), ""};
}

std::optional<Refused> authenticate(const Authenticator& authenticator, const Address& address,
                                    const http::ServerRequest& request, std::string& account) {
  std::vector<aws::HeaderView> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  auto body = codec::sha256(as_bytes(request.body));
  return authenticator.authenticate({request.method, request.target, headers}, &body, account,
                                    {.service = address.service->signing_name, .dialect = address.protocol->dialect});
}

// The body without its Content-Encoding: botocore compresses large PutMetricData. The signature is of the compressed bytes.
std::variant<std::string, Rejection> plain_body(const http::ServerRequest& request) {
  auto malformed = [](std::string message) { return Rejection{Rejection::Kind::kMalformed, std::move(message)}; };
  auto encoding = request.headers.find_or("Content-Encoding", "");
  if (encoding.empty() || encoding == "identity") return request.body;
  if (encoding != "gzip") return malformed(fmt::format("Content-Encoding {} is not supported.", encoding));
  codec::MemorySource source(as_bytes(request.body));
  codec::GzipDecoder decoder(source);
  std::string body(kRequestBytesMax + 1, '\0');
  auto size = decoder.read({reinterpret_cast<std::byte*>(body.data()), body.size()});
  if (!size.ok()) return malformed("The body is not gzip.");
  if (*size > kRequestBytesMax) return malformed(fmt::format("The body has more than {} bytes.", kRequestBytesMax));
  body.resize(*size);
  return body;
}

std::variant<json, Rejection> parse_input(const Address& address, const http::ServerRequest& request) {
  auto body = plain_body(request);
  if (auto* rejection = std::get_if<Rejection>(&body)) return std::move(*rejection);
  const auto& shape = *input_shape(address.operation);
  auto input = address.protocol->parse(shape, std::get<std::string>(body));
  if (auto* parsed = std::get_if<json>(&input)) {
    if (auto rejection = validate(shape, *parsed)) return std::move(*rejection);
  }
  return input;
}

}  // namespace

http::ServerResponse Api::handle(const Context& ctx, const http::ServerRequest& request) const {
  auto request_id = state::random_uuid(*parts_.random);
  auto address = address_of(request);
  std::string account;
  if (auto refused = authenticate(*parts_.authenticator, address, request, account)) {
    return respond(address, request_id, *refused);
  }
  auto run = find_operation(address.operation);
  if (run == nullptr || request.method != "POST" || request.path != "/") {
    return respond(address, request_id, unknown_operation(address, request));
  }
  auto input = parse_input(address, request);
  if (const auto* rejection = std::get_if<Rejection>(&input)) {
    return respond(address, request_id, refused_as(address, address.service->rejection(rejection->kind), rejection->message));
  }
  auto now = state::millis_of(parts_.clock->wall_now());
  auto result = run({ctx, parts_, account, std::get<json>(input), now});
  if (!result.ok()) return respond(address, request_id, refused_by(address, result.error(), request_id));
  return respond(address, request_id, 200, address.protocol->answer(address.operation, *result, request_id));
}

}  // namespace zeropull::api
