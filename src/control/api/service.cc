#include "control/api/service.h"

#include <array>

#include "control/api/form.h"
#include "control/api/protocol.h"

namespace zeropull::api {

namespace {

constexpr std::string_view kOwn = "Zeropull.";

FaultName json_rejection(Rejection::Kind kind) {
  if (kind == Rejection::Kind::kMalformed) return {400, "SerializationException"};
  return {400, "ValidationException"};
}

std::optional<FaultName> sagemaker_error(Code code, std::string_view /*operation*/) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition: return FaultName{400, "ValidationException"};
    case Code::kResourceExhausted: return FaultName{400, "ResourceLimitExceeded"};
    case Code::kUnavailable: return FaultName{503, "ServiceUnavailable"};
    default: return std::nullopt;
  }
}

std::optional<FaultName> autoscaling_error(Code code, std::string_view operation) {
  bool of_tags =
      operation.ends_with("TagResource") || operation.ends_with("UntagResource") || operation.ends_with("ListTagsForResource");
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kUnimplemented:
    case Code::kFailedPrecondition: return FaultName{400, "ValidationException"};
    case Code::kNotFound: return FaultName{400, of_tags ? "ResourceNotFoundException" : "ObjectNotFoundException"};
    case Code::kResourceExhausted: return FaultName{400, of_tags ? "TooManyTagsException" : "LimitExceededException"};
    case Code::kOutOfRange: return FaultName{400, "InvalidNextTokenException"};
    case Code::kUnavailable: return FaultName{503, "ServiceUnavailable"};
    default: return std::nullopt;
  }
}

FaultName cloudwatch_rejection(Rejection::Kind kind) {
  switch (kind) {
    case Rejection::Kind::kMalformed: return {400, "SerializationException", "MalformedInput"};
    case Rejection::Kind::kMissing: return {400, "MissingRequiredParameterException", "MissingParameter"};
    case Rejection::Kind::kUnsupported: return {400, "InvalidParameterValueException", "InvalidParameterValue"};
    case Rejection::Kind::kViolated: return {400, "ValidationException", "ValidationError"};
  }
  return {};
}

std::optional<FaultName> cloudwatch_error(Code code, std::string_view operation) {
  switch (code) {
    case Code::kInvalidArgument:
      if (operation == "cloudwatch:SetAlarmState") return FaultName{400, "InvalidFormatFault", "InvalidFormat"};
      return FaultName{400, "InvalidParameterValueException", "InvalidParameterValue"};
    case Code::kUnimplemented: return FaultName{400, "InvalidParameterValueException", "InvalidParameterValue"};
    case Code::kFailedPrecondition: return FaultName{400, "InvalidParameterCombinationException", "InvalidParameterCombination"};
    case Code::kNotFound:
      if (operation.ends_with("Resource")) return FaultName{404, "ResourceNotFoundException", "ResourceNotFoundException"};
      return FaultName{404, "ResourceNotFound", "ResourceNotFound"};
    case Code::kAlreadyExists: return FaultName{409, "ResourceConflict", "ResourceConflict"};
    case Code::kResourceExhausted: return FaultName{400, "LimitExceededFault", "LimitExceeded"};
    case Code::kOutOfRange: return FaultName{400, "InvalidNextToken", "InvalidNextToken"};
    case Code::kUnavailable: return FaultName{503, "ServiceUnavailable", "ServiceUnavailable"};
    default: return std::nullopt;
  }
}

const std::array<Service, 3> kServices{
    Service{.signing_name = "sagemaker",
            .target = "SageMaker.",
            .prefix = "",
            .protocol = &json_1_1(),
            .error_namespace = "",
            .internal = {500, "InternalFailure"},
            .rejection = json_rejection,
            .error = sagemaker_error},
    Service{.signing_name = "application-autoscaling",
            .target = "AnyScaleFrontendService.",
            .prefix = "application-autoscaling:",
            .protocol = &json_1_1(),
            .error_namespace = "",
            .internal = {500, "InternalServiceException"},
            .rejection = json_rejection,
            .error = autoscaling_error},
    Service{.signing_name = "monitoring",
            .target = "GraniteServiceVersion20100801.",
            .prefix = "cloudwatch:",
            .protocol = &json_1_0(),
            .error_namespace = "com.amazonaws.cloudwatch#",
            .internal = {500, "InternalServiceFault", "InternalServiceError"},
            .rejection = cloudwatch_rejection,
            .error = cloudwatch_error},
};
const Service& kSageMaker = kServices[0];
const Service& kCloudWatch = kServices[2];

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr std::string_view kCborPath = "/service/GraniteServiceVersion20100801/";
constexpr std::string_view kQueryVersion = "2010-08-01";

}  // namespace

Address address_of(const http::ServerRequest& request) {
  auto target = request.headers.find_or("X-Amz-Target", "");
  Address address{.service = &kSageMaker, .protocol = kSageMaker.protocol, .operation = "", .named = std::string(target)};
  if (request.path.starts_with(kCborPath)) {
    address.service = &kCloudWatch;
    address.protocol = kCloudWatch.protocol;
    address.named = request.path.substr(request.path.rfind('/') + 1) + " in CBOR; use JSON 1.0 or Query";
    return address;
  }
  if (target.empty() && request.headers.find_or("Content-Type", "").starts_with(kFormType)) {
    address.protocol = &query();
    address.service = &kCloudWatch;
    address.named = form_value(request.body, "Action");
    if (form_value(request.body, "Version") == kQueryVersion) address.operation = std::string(kCloudWatch.prefix) + address.named;
    return address;
  }
  if (target.starts_with(kOwn)) {
    address.operation = target;
    return address;
  }
  for (const auto& service : kServices) {
    if (!target.starts_with(service.target)) continue;
    address.service = &service;
    address.protocol = service.protocol;
    auto name = target.substr(service.target.size());
    // Names with a prefix are of another service, or ours.
    if (name.find_first_of(".:") == std::string_view::npos) address.operation = std::string(service.prefix) + std::string(name);
  }
  return address;
}

}  // namespace zeropull::api
