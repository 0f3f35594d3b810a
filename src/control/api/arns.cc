#include "control/api/arns.h"

#include <array>

namespace zeropull::api {

namespace {

std::string_view noun_of(std::string_view kind) {
  if (kind == kEndpointConfigArn) return "endpoint configuration";
  if (kind == kComponentArn) return "inference component";
  return kind;
}

}  // namespace

std::string arn_of(const Call& call, std::string_view kind, std::string_view name) {
  return fmt::format("arn:aws:sagemaker:{}:{}:{}/{}", call.parts.region, call.account, kind, name);
}

std::optional<ArnParts> parse_arn(std::string_view arn) {
  std::array<std::string_view, 6> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto colon = i + 1 == parts.size() ? std::string_view::npos : arn.find(':');
    if (colon == std::string_view::npos && i + 1 != parts.size()) return std::nullopt;
    parts[i] = arn.substr(0, colon);
    if (colon != std::string_view::npos) arn.remove_prefix(colon + 1);
  }
  auto slash = parts[5].find('/');
  if (parts[0] != "arn" || parts[2] != "sagemaker" || slash == std::string_view::npos) return std::nullopt;
  return ArnParts{parts[3], parts[4], parts[5].substr(0, slash), parts[5].substr(slash + 1)};
}

Error not_found(const Call& call, std::string_view kind, std::string_view name) {
  return make_error(Code::kNotFound, "Could not find {} \"{}\".", noun_of(kind), arn_of(call, kind, name));
}

Error already_exists(const Call& call, std::string_view kind, std::string_view name) {
  return make_error(Code::kAlreadyExists, "Cannot create already existing {} \"{}\".", noun_of(kind), arn_of(call, kind, name));
}

}  // namespace zeropull::api
