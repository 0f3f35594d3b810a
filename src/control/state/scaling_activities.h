// How activities are kept: bounded for each resource. Used by whoever scales: the API where new bounds force a capacity, and the
// autoscaler.
#pragma once

#include "control/state/state.h"

namespace zeropull::state {

// Adds the activity, and removes the oldest of its resource past kActivitiesPerTargetMax. Once per resource in one Changes.
void add_activity(const View& view, Changes& changes, ScalingActivity activity);

}  // namespace zeropull::state
