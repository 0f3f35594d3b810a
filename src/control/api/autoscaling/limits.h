// Quotas of Application Auto Scaling, as AWS has them ("Quotas for Application Auto Scaling").
#pragma once

#include <chrono>
#include <cstddef>

namespace zeropull::api::autoscaling {

inline constexpr std::size_t kTargetsPerAccountMax = 5000;
inline constexpr std::size_t kPoliciesPerTargetMax = 50;
inline constexpr std::size_t kScheduledActionsPerTargetMax = 200;
inline constexpr std::size_t kPageDefault = 50;
inline constexpr std::size_t kPolicyPageDefault = 10;
inline constexpr std::chrono::hours kActivitiesShown{42 * 24};  // six weeks

}  // namespace zeropull::api::autoscaling
