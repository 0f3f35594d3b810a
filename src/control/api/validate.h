// Validation of an operation's input against its shape. What passes holds no null, no unknown member, and floats where the shape
// says float: handlers read it without looking again. Pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "control/api/schema.h"

namespace zeropull::api {

// Why an input is refused; services name the kinds, see service.h.
struct Rejection {
  enum class Kind {
    kMalformed,    // values of another type, a body that cannot be parsed
    kUnsupported,  // members and values that Zeropull does not support, named one by one
    kMissing,      // required members are missing, and nothing else is wrong
    kViolated,     // constraints are violated, at most ten of them are listed
  };
  Kind kind = Kind::kMalformed;
  std::string message;
};

// nullopt when `input` is good; it is then put in order, see above.
std::optional<Rejection> validate(const Shape& shape, nlohmann::json& input);

}  // namespace zeropull::api
