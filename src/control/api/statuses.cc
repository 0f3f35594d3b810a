#include "control/api/statuses.h"

namespace zeropull::api {

std::string_view status_name(state::EndpointStatus status) {
  using enum state::EndpointStatus;
  switch (status) {
    case kCreating: return "Creating";
    case kInService: return "InService";
    case kUpdating: return "Updating";
    case kRollingBack: return "RollingBack";
    case kFailed: return "Failed";
    case kDeleting: return "Deleting";
  }
  return "";
}

std::string_view status_name(state::ComponentStatus status) {
  using enum state::ComponentStatus;
  switch (status) {
    case kCreating: return "Creating";
    case kInService: return "InService";
    case kUpdating: return "Updating";
    case kFailed: return "Failed";
    case kDeleting: return "Deleting";
  }
  return "";
}

std::string_view status_name(state::InstanceState state) {
  using enum state::InstanceState;
  switch (state) {
    case kLaunching: return "Launching";
    case kReady: return "Ready";
    case kReleasing: return "Releasing";
    case kLost: return "Lost";
  }
  return "";
}

std::string_view status_name(state::CopyPhase phase) {
  using enum state::CopyPhase;
  switch (phase) {
    case kPlaced: return "Placed";
    case kPreparing: return "Preparing";
    case kStarting: return "Starting";
    case kReady: return "Ready";
    case kUnhealthy: return "Unhealthy";
    case kDraining: return "Draining";
    case kStopping: return "Stopping";
    case kFailed: return "Failed";
  }
  return "";
}

bool in_progress(state::EndpointStatus status) {
  return status != state::EndpointStatus::kInService && status != state::EndpointStatus::kFailed;
}

}  // namespace zeropull::api
