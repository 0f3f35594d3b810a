// Protocols: the forms in which a call's input and answer travel. Each turns a body into the JSON that operations read, and the
// JSON that they return into a body. Pure functions; an operation knows nothing of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "aws/sigv4_verify.h"
#include "control/api/authenticator.h"
#include "control/api/schema.h"
#include "control/api/validate.h"

namespace zeropull::api {

struct Protocol {
  std::string_view content_type;
  aws::ErrorDialect dialect;
  // The input as its shape wants it; not yet validated.
  std::variant<nlohmann::json, Rejection> (*parse)(const Shape& shape, const std::string& body);
  // `result` is null for an operation that returns nothing.
  std::string (*answer)(std::string_view operation, const nlohmann::json& result, const std::string& request_id);
  std::string (*error)(const Refused& refused, const std::string& request_id);
};

// Both in json_protocol.cc.
const Protocol& json_1_0();
const Protocol& json_1_1();
// query_protocol.cc: a flat form in, XML out, as AWS's Query protocol has it.
const Protocol& query();

}  // namespace zeropull::api
