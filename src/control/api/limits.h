// Limits of the API.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/units.h"

namespace zeropull::api {

inline constexpr std::size_t kRequestBytesMax = kMiB;
inline constexpr std::size_t kRequestDepthMax = 32;
inline constexpr std::size_t kFormFieldsMax = 100000;  // a full PutMetricData has some 40,000
inline constexpr std::size_t kViolationsShownMax = 10;
inline constexpr std::size_t kShownValueMax = 256;  // bytes of a value in an error message
inline constexpr std::size_t kEnvironmentBytesMax = 32 * kKiB;
inline constexpr std::size_t kTagsMax = 50;
inline constexpr std::size_t kObjectsPerAccountMax = 20000;  // of each kind
inline constexpr std::size_t kPageDefault = 10;
inline constexpr std::size_t kTagPageDefault = 50;
inline constexpr std::size_t kLogBytesDefault = 64 * kKiB;
inline constexpr std::size_t kLogCopiesMax = 16;  // in one answer
inline constexpr std::size_t kCopiesMax = 10000;  // of one component

// Activities of a target that DescribeScaling shows unless it is asked for another number.
inline constexpr int kScalingActivitiesShown = 20;

}  // namespace zeropull::api
