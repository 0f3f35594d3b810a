// ARNs: the names of objects across accounts, "arn:aws:sagemaker:<region>:<account>:<kind>/<name>". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/api/operations.h"

namespace zeropull::api {

inline constexpr std::string_view kModelArn = "model";
inline constexpr std::string_view kEndpointConfigArn = "endpoint-config";
inline constexpr std::string_view kEndpointArn = "endpoint";
inline constexpr std::string_view kComponentArn = "inference-component";

struct ArnParts {
  std::string_view region, account, kind, name;
};
std::string arn_of(const Call& call, std::string_view kind, std::string_view name);
std::optional<ArnParts> parse_arn(std::string_view arn);  // views into `arn`

// The texts that clients match on.
Error not_found(const Call& call, std::string_view kind, std::string_view name);
Error already_exists(const Call& call, std::string_view kind, std::string_view name);

}  // namespace zeropull::api
