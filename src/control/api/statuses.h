// Statuses as the API writes them. Pure.
#pragma once

#include <string_view>

#include "control/state/records.h"

namespace zeropull::api {

std::string_view status_name(state::EndpointStatus status);
std::string_view status_name(state::ComponentStatus status);
std::string_view status_name(state::InstanceState state);
std::string_view status_name(state::CopyPhase phase);

// Under way to another status: an endpoint in it is not updated, only deleted.
bool in_progress(state::EndpointStatus status);

}  // namespace zeropull::api
