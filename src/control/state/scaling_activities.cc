#include "control/state/scaling_activities.h"

#include "control/state/scaling_names.h"

namespace zeropull::state {

void add_activity(const View& view, Changes& changes, ScalingActivity activity) {
  auto kept = view.scaling_activities(scaled_of(activity));
  for (std::size_t i = 0; i + kActivitiesPerTargetMax <= kept.size(); ++i) changes.remove(kept[i]);
  changes.add(std::move(activity));
}

}  // namespace zeropull::state
