// The router's table, computed from records. A pure function.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "control/router/table.h"
#include "control/state/state.h"

namespace zeropull::fleet {

// nullopt for an endpoint that takes no requests: none, failed or being deleted. Copies are in it from ready until they drain.
std::optional<router::EndpointRoute> endpoint_route(const state::View& view, const std::string& endpoint_uid);

}  // namespace zeropull::fleet
