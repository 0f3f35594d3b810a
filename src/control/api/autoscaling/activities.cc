#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "control/api/autoscaling/limits.h"
#include "control/api/autoscaling/operations.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/autoscaling/selection.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;

namespace {

std::string_view status_code(state::ActivityStatus status) {
  constexpr std::array<std::string_view, 6> kNames{"Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"};
  return kNames.at(static_cast<std::size_t>(status));
}

json reason(const state::NotScaledReason& given) {
  json shown{{"Code", given.code}};
  if (given.capacity_max) shown["MaxCapacity"] = *given.capacity_max;
  if (given.capacity_min) shown["MinCapacity"] = *given.capacity_min;
  if (given.capacity_current) shown["CurrentCapacity"] = *given.capacity_current;
  return shown;
}

json shown(const state::ScalingActivity& activity) {
  json answer{{"ActivityId", activity.id},
              {"ServiceNamespace", kServiceNamespace},
              {"ResourceId", activity.resource_id},
              {"ScalableDimension", activity.dimension},
              {"Description", activity.description},
              {"Cause", activity.cause},
              {"StartTime", seconds_of(activity.begin)},
              {"StatusCode", status_code(activity.status)}};
  if (activity.end != 0) answer["EndTime"] = seconds_of(activity.end);
  if (!activity.status_message.empty()) answer["StatusMessage"] = activity.status_message;
  if (!activity.details.empty()) answer["Details"] = activity.details;
  for (const auto& given : activity.not_scaled) answer["NotScaledReasons"].push_back(reason(given));
  return answer;
}

// Newest first, over all resources.
std::string position(const state::ScalingActivity& activity) { return fmt::format("{:015}-{}", activity.begin, activity.id); }

}  // namespace

Result<json> describe_activities(const Call& call) {
  auto activities = call.state().view().scaling_activities(call.account);
  TRY(keep_selected(call, "", activities));
  bool all = bool_or(call.input, "IncludeNotScaledActivities", false);
  auto oldest = call.now - std::chrono::milliseconds(kActivitiesShown).count();
  std::erase_if(activities,
                [&](const auto& activity) { return (!all && !activity->not_scaled.empty()) || activity->begin < oldest; });
  std::ranges::sort(activities, std::ranges::greater(), [](const auto& activity) { return position(*activity); });
  std::vector<std::string> keys;
  for (const auto& activity : activities) keys.push_back(position(*activity));
  return page_of(
      call, "ScalingActivities", keys, kPageDefault, [&](std::size_t i) { return shown(*activities[i]); }, KeyOrder::kDescending);
}

}  // namespace zeropull::api::autoscaling
