// Shapes that several operations share, and how the tables are written. For the files of tables of this room alone; see schema.h.
#pragma once

#include "control/api/schema.h"

namespace zeropull::api {

constexpr Shape string_shape(std::optional<double> min, std::optional<double> max, std::string_view pattern = {}) {
  return {.kind = Kind::kString, .min = min, .max = max, .pattern = pattern};
}
constexpr Shape enum_shape(std::span<const Value> values) { return {.kind = Kind::kString, .values = values}; }
constexpr Shape integer_shape(double min, double max = 2147483647) { return {.kind = Kind::kInteger, .min = min, .max = max}; }
constexpr Shape float_shape(double min) { return {.kind = Kind::kFloat, .min = min, .max = 3.4e38}; }
// Whatever CloudWatch takes for a value of a metric: 2^360 either way.
inline constexpr double kMetricValueMax = 2.3485425827738332e108;
inline constexpr Shape kMetricValue{.kind = Kind::kFloat, .min = -kMetricValueMax, .max = kMetricValueMax};
constexpr Shape structure_shape(std::span<const Member> members) { return {.kind = Kind::kStructure, .members = members}; }
constexpr Shape list_shape(const Shape& element, std::optional<double> min, std::optional<double> max) {
  return {.kind = Kind::kList, .min = min, .max = max, .element = &element};
}
constexpr Shape map_shape(const Shape& key, const Shape& element, double max) {
  return {.kind = Kind::kMap, .max = max, .element = &element, .key = &key};
}
constexpr Member optional_member(std::string_view name, const Shape& shape) { return {name, &shape, Need::kOptional, {}}; }
constexpr Member required_member(std::string_view name, const Shape& shape) { return {name, &shape, Need::kRequired, {}}; }
constexpr Member refused_member(std::string_view name, std::string_view reason) {
  return {name, nullptr, Need::kRefused, reason};
}

inline constexpr std::string_view kHostLikeName = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";
inline constexpr std::string_view kDashedName = "[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?";

inline constexpr Shape kBoolean{.kind = Kind::kBoolean};
inline constexpr Shape kTimestamp{.kind = Kind::kTimestamp, .min = 0, .max = 253402300799.0};
inline constexpr Shape kModelName = string_shape({}, 63, kDashedName);
inline constexpr Shape kComponentName = string_shape({}, 63, kDashedName);
inline constexpr Shape kEndpointName = string_shape({}, 63, kHostLikeName);
inline constexpr Shape kEndpointConfigName = string_shape({}, 63, kHostLikeName);
inline constexpr Shape kVariantName = string_shape({}, 63, kHostLikeName);
inline constexpr Shape kInstanceType = string_shape(1, 63, "[a-zA-Z0-9][a-zA-Z0-9._\\-]*");
inline constexpr Shape kRoleArn = string_shape(20, 2048, "arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+");
inline constexpr Shape kImage = string_shape({}, 255, "[\\S]+");
inline constexpr Shape kModelUrl = string_shape({}, 1024, "(https|s3)://([^/]+)/?(.*)|file:///.+");
inline constexpr Shape kTimeoutS = integer_shape(60, 3600);
inline constexpr Shape kPublishS = integer_shape(1);  // some values alone, see specs.cc

inline constexpr Shape kEnvironmentKey = string_shape({}, 1024, "[a-zA-Z_][a-zA-Z0-9_]*");
inline constexpr Shape kEnvironmentValue = string_shape({}, 1024);
inline constexpr Shape kEnvironment = map_shape(kEnvironmentKey, kEnvironmentValue, 100);

// botocore's pattern is "/(?!.*\.\.)[a-zA-Z0-9/_.\-]+", which RE2 cannot say so.
inline constexpr Shape kMetricsPath = string_shape({}, 256, "/((\\.?[a-zA-Z0-9/_\\-])+\\.?|\\.)");
inline constexpr Member kMetricsEndpointMembers[] = {optional_member("MetricsEndpointPath", kMetricsPath),
                                                     optional_member("MetricPublishFrequencyInSeconds", kPublishS)};
inline constexpr Shape kMetricsEndpoint = structure_shape(kMetricsEndpointMembers);
inline constexpr Shape kMetricsEndpoints = list_shape(kMetricsEndpoint, {}, 1);
inline constexpr Member kContainerMetricsMembers[] = {optional_member("MetricsEndpoints", kMetricsEndpoints)};
inline constexpr Shape kContainerMetrics = structure_shape(kContainerMetricsMembers);

inline constexpr std::string_view kTagText = "([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)";
inline constexpr Shape kTagKey = string_shape(1, 128, kTagText);
inline constexpr Shape kTagValue = string_shape({}, 256, kTagText);
inline constexpr Member kTagMembers[] = {required_member("Key", kTagKey), required_member("Value", kTagValue)};
inline constexpr Shape kTag = structure_shape(kTagMembers);
inline constexpr Shape kTagList = list_shape(kTag, {}, 50);

inline constexpr Value kSortOrders[] = {{"Ascending"}, {"Descending"}};
inline constexpr Shape kSortOrder = enum_shape(kSortOrders);
inline constexpr Shape kPageSize = integer_shape(1, 100);
inline constexpr Shape kNextToken = string_shape({}, 8192);
inline constexpr Shape kNameContains = string_shape({}, 63, "[a-zA-Z0-9-]+");

// The inputs, each family in a file of its own.
struct Input {
  std::string_view operation;
  const Shape* shape;
};
std::span<const Input> model_inputs();     // and those of tags
std::span<const Input> endpoint_inputs();  // and of endpoint configurations
std::span<const Input> component_inputs();
std::span<const Input> autoscaling_inputs();
std::span<const Input> cloudwatch_inputs();
std::span<const Input> own_inputs();  // Zeropull's own operations

}  // namespace zeropull::api
