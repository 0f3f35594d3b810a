// FleetPolicy: how the fleet behaves where the API leaves it open, as the operator of the server may set it.
#pragma once

#include <string>

#include "control/state/records.h"

namespace zeropull::fleet {

struct FleetPolicy {
  std::string provider = "local";                    // that launches instances
  state::Millis idle_release_after_ms = 5 * 60'000;  // an instance without copies, above its variant's minimum
  state::Millis silent_after_ms = 60'000;            // an agent that says nothing, and whose instance the provider lacks, is lost
  state::Millis lost_after_ms = 10 * 60'000;         // a silent one is lost even when the provider has it
  state::Millis connect_timeout_ms = 5 * 60'000;     // launched until its agent connects
  state::Millis provision_timeout_ms = 30 * 60'000;  // without capacity, where the variant says nothing
  state::Millis capacity_retry_ms = 30'000;          // a pool without capacity is asked again
  state::Millis failed_retry_ms = 60'000;            // a copy that failed in service is tried again
  state::Millis unhealthy_after_ms = 60'000;         // a copy whose /ping fails is replaced
  state::Millis drain_max_ms = 8 * 60'000;           // requests in flight have this long; a stream may take 8 minutes
  int crashes_max = 3;                               // ends before ready, in a row, until a copy has failed
  int download_timeout_s = 3600, start_timeout_s = 480;  // where neither component nor variant says anything
  std::size_t timeline_entries_max = 1000;               // of an endpoint
};

}  // namespace zeropull::fleet
