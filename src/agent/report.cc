#include "agent/report.h"

namespace zeropull::agent {

std::string_view copy_state_name(CopyState state) {
  switch (state) {
    case CopyState::kPreparing: return "preparing";
    case CopyState::kStarting: return "starting";
    case CopyState::kReady: return "ready";
    case CopyState::kUnhealthy: return "unhealthy";
    case CopyState::kStopping: return "stopping";
    case CopyState::kStopped: return "stopped";
    case CopyState::kFailed: return "failed";
  }
  return "unknown";
}

}  // namespace zeropull::agent
