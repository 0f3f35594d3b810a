// Shapes of metrics that CloudWatch and Application Auto Scaling share. For files of tables of this room alone.
#pragma once

#include "control/api/shapes.h"

namespace zeropull::api {

inline constexpr Value kUnits[] = {
    {"Seconds"},          {"Microseconds"},     {"Milliseconds"}, {"Bytes"},           {"Kilobytes"},        {"Megabytes"},
    {"Gigabytes"},        {"Terabytes"},        {"Bits"},         {"Kilobits"},        {"Megabits"},         {"Gigabits"},
    {"Terabits"},         {"Percent"},          {"Count"},        {"Bytes/Second"},    {"Kilobytes/Second"}, {"Megabytes/Second"},
    {"Gigabytes/Second"}, {"Terabytes/Second"}, {"Bits/Second"},  {"Kilobits/Second"}, {"Megabits/Second"},  {"Gigabits/Second"},
    {"Terabits/Second"},  {"Count/Second"},     {"None"},
};
inline constexpr Shape kUnit = enum_shape(kUnits);
inline constexpr Value kStatistics[] = {{"Average"}, {"Minimum"}, {"Maximum"}, {"SampleCount"}, {"Sum"}};
inline constexpr Shape kStatistic = enum_shape(kStatistics);

inline constexpr Shape kNamespace = string_shape(1, 255, "[^:\\x{00}-\\x{1f}][^\\x{00}-\\x{1f}]*");
inline constexpr Shape kMetricName = string_shape(1, 255);
inline constexpr Shape kDimensionName = string_shape(1, 255);
inline constexpr Shape kDimensionValue = string_shape(1, 1024);
inline constexpr Member kDimensionMembers[] = {required_member("Name", kDimensionName),
                                               required_member("Value", kDimensionValue)};
inline constexpr Shape kDimension = structure_shape(kDimensionMembers);
inline constexpr Shape kDimensions = list_shape(kDimension, {}, 30);

inline constexpr Member kMetricMembers[] = {required_member("Namespace", kNamespace), required_member("MetricName", kMetricName),
                                            optional_member("Dimensions", kDimensions)};
inline constexpr Shape kMetric = structure_shape(kMetricMembers);
inline constexpr Shape kStat = string_shape(1, 64);
inline constexpr Shape kQueryId = string_shape(1, 255, "[a-z][a-zA-Z0-9_]*");
inline constexpr Shape kExpression = string_shape(1, 2048);
inline constexpr Shape kLabel = string_shape({}, 1024);
inline constexpr std::string_view kNoUnitHere = "a metric has one unit; leave it out";

}  // namespace zeropull::api
