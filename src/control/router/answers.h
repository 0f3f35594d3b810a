// What the router says itself: the runtime's error shapes and texts, which clients match on (SageMaker Runtime, rest-json), and
// the frames of a response stream.
#pragma once

#include <string>
#include <string_view>

namespace zeropull::router {

// An error answer of rest-json: the code goes into x-amzn-ErrorType, the body is JSON.
struct ErrorAnswer {
  int status;
  std::string_view type;
  std::string body;
};

ErrorAnswer error_answer(int status, std::string_view type, std::string_view message);
ErrorAnswer validation_error(std::string_view message);
ErrorAnswer unknown_endpoint(std::string_view endpoint, std::string_view account);
ErrorAnswer session_ended(std::string_view session_id);
ErrorAnswer no_capacity();
ErrorAnswer service_unavailable(std::string_view message);

inline constexpr std::string_view kComponentHeaderMissing =
    "Inference Component Name header is required for endpoints to which you plan to deploy inference components. Please include "
    "Inference Component Name header or consider using SageMaker models.";
inline constexpr std::string_view kComponentHeaderRefused =
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference components. Please "
    "remove the Inference Component Name header and try again.";
inline constexpr std::string_view kModelTimedOut =
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each "
    "container in "
    "Amazon CloudWatch, resolve the issue, and try again.";

struct ModelFailure {
  int status = 0;            // the container's; 0 when it gave none
  std::string_view message;  // its body, or what happened to it; need not be UTF-8
  std::string_view region, account;
  std::string_view log_group;  // "/aws/sagemaker/Endpoints/llm"
};
ErrorAnswer model_error(const ModelFailure& failure);

// Appends a piece of a model's answer as PayloadPart frames.
void append_payload_part(std::string& out, std::string_view piece);
// Appends the exception frame that ends a broken stream; code is "StreamBroken" or "ModelInvocationTimeExceeded".
void append_stream_error(std::string& out, std::string_view code, std::string_view message);

// "200 OK" and the like for a status line.
std::string_view reason_of(int status);

}  // namespace zeropull::router
