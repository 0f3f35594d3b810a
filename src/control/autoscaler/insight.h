// What the autoscaler tells others of a target: its name, and what is known of it beside the records. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "control/autoscaler/start_times.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

// Names a resource that scales; owns what state::Scaled views.
struct ResourceName {
  std::string account, dimension, resource_id;
  state::Scaled scaled() const { return {account, dimension, resource_id}; }
  auto operator<=>(const ResourceName&) const = default;
};
template <typename T>
ResourceName resource_name(const T& record) {
  return {record.account, record.dimension, record.resource_id};
}

// What the autoscaler knows of a target beside the records, for `zeropull scaling`.
struct TargetInsight {
  ExpectedStart start;
  std::uint32_t in_flight = 0, held = 0;
  std::optional<double> rate;             // requests a second over the last half minute, as the detector sees them ..
  std::optional<double> service_seconds;  // .. and what one takes
};

}  // namespace zeropull::autoscaler
