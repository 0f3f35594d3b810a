// Validation of an operation's input against its shape. What passes holds no null, no unknown member, and floats where the shape
// says float: handlers read it without looking again. Pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "control/api/schema.h"

namespace zeropull::api {

// An error as the caller sees it: a code of the service and a message.
struct Rejection {
  std::string type;
  std::string message;
};

// nullopt when `input` is good; it is then put in order, see above. SerializationException for values of the wrong type. Else a
// ValidationException: members that Zeropull does not support, named one by one, or the violated constraints, at most ten of
// them.
std::optional<Rejection> validate(const Shape& shape, nlohmann::json& input);

}  // namespace zeropull::api
