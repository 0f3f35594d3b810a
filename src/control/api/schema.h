// Schema: what each operation takes, in tables: one Shape a type, one Member a member of a structure. Every member that
// the services' own models have is in them, either with the shape that it must have, or refused with a reason; so that none is
// accepted and ignored. Names, limits, patterns and enumerations are those of the service's model (botocore 1.43.67). Constant
// data.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace zeropull::api {

enum class Kind { kString, kInteger, kFloat, kBoolean, kTimestamp, kStructure, kList, kMap };

struct Shape;

enum class Need { kOptional, kRequired, kRefused };

struct Member {
  std::string_view name;
  const Shape* shape = nullptr;  // none where it is refused
  Need need = Need::kOptional;
  std::string_view reason = {};  // why it is refused, and what to do instead
};

struct Value {
  std::string_view name;
  std::string_view refused = {};  // why, where the service knows it and Zeropull does not
};

struct Shape {
  Kind kind = Kind::kString;
  // Of a number, or of the length of a string, list or map.
  std::optional<double> min = {};
  std::optional<double> max = {};
  std::string_view pattern = {};  // of the whole string, RE2's syntax
  std::span<const Value> values = {};
  std::span<const Member> members = {};
  const Shape* element = nullptr;  // of lists and maps
  const Shape* key = nullptr;      // of maps
};

// The input of an operation: "CreateModel", "application-autoscaling:PutScalingPolicy", "cloudwatch:PutMetricAlarm"; our own have
// "Zeropull." before their names. nullptr: there is no such operation.
const Shape* input_shape(std::string_view operation);
// The names of all operations.
std::span<const std::string_view> operations();

}  // namespace zeropull::api
