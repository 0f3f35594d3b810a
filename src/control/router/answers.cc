#include "control/router/answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "aws/event_stream.h"
#include "codec/json.h"

namespace zeropull::router {

namespace {

constexpr std::string_view kNoCapacity =
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if configured) or "
    "try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.";

}  // namespace

ErrorAnswer error_answer(int status, std::string_view type, std::string_view message) {
  return {status, type, codec::json_text({{"Message", message}})};
}

ErrorAnswer validation_error(std::string_view message) { return error_answer(400, "ValidationError", message); }

ErrorAnswer unknown_endpoint(std::string_view endpoint, std::string_view account) {
  const std::string message = fmt::format("Endpoint {} of account {} not found.", endpoint, account);
  return {400, "ValidationError", codec::json_text({{"Message", message}, {"ErrorCode", "NO_SUCH_ENDPOINT"}})};
}

ErrorAnswer session_ended(std::string_view session_id) {
  return validation_error(
      fmt::format("Session {} does not exist or has ended: create one with SessionId NEW_SESSION.", session_id));
}

ErrorAnswer no_capacity() { return validation_error(kNoCapacity); }

ErrorAnswer service_unavailable(std::string_view message) { return error_answer(503, "ServiceUnavailable", message); }

ErrorAnswer model_error(const ModelFailure& failure) {
  const bool client = failure.status >= 400 && failure.status < 500;
  std::string message = "Received ";
  message.append(client ? "client" : "server").append(" error (").append(std::to_string(failure.status));
  message.append(") from primary with message \"").append(failure.message);
  message += fmt::format(
      "\". See https://{0}.console.aws.amazon.com/cloudwatch/home?region={0}#logEventViewer:group={1} in account {2} for more "
      "information.",
      failure.region, failure.log_group, failure.account);
  const auto log_stream = fmt::format("arn:aws:logs:{}:{}:log-group:{}", failure.region, failure.account, failure.log_group);
  return {424, "ModelError",
          codec::json_text({{"Message", message},
                            {"OriginalStatusCode", failure.status},
                            {"OriginalMessage", failure.message},
                            {"LogStreamArn", log_stream}})};
}

void append_payload_part(std::string& out, std::string_view piece) { aws::append_payload_parts(out, as_bytes(piece)); }

void append_stream_error(std::string& out, std::string_view code, std::string_view message) {
  out += aws::encode_exception({.message = std::string(message), .error_code = std::string(code)});
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 424: return "Failed Dependency";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

}  // namespace zeropull::router
