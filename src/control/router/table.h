// RoutingTable: what the router is told about the fleet, as one value: endpoints, their variants, the components in them and the
// copies that may get requests. The fleet makes a new one whenever something changes and gives it to Router::apply(). A copy is
// in it from the moment it is ready until it is to be drained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/router/limits.h"

namespace zeropull::router {

enum class Strategy { kRandom, kLeastOutstanding };

struct Target {
  std::string copy_id;                // unique for ever
  std::string address;                // "10.0.0.7:20001" or "[fd00::7]:20001"
  WallTime ready_since = {};          // from then on its share grows, see RouterOptions::slow_start
  std::uint32_t concurrency_max = 0;  // requests at once; 0: no limit. Where all copies are full, requests are held.
  bool operator==(const Target&) const = default;
};

// What happens to a request of a component that has no ready copy. Off: the API's error at once.
struct HoldPolicy {
  bool enabled = true;
  std::size_t requests_max = kHeldRequestsMax;
  std::size_t bytes_max = kHeldBytesMax;
  Duration time_max = kHoldTime;
  bool operator==(const HoldPolicy&) const = default;
};

struct ComponentRoute {
  std::string name;  // of an inference component; of the model for a variant with a model
  std::string uid;   // unique for ever; the counters' key
  HoldPolicy hold = {};
  std::vector<Target> targets = {};
  bool operator==(const ComponentRoute&) const = default;
};

struct VariantRoute {
  std::string name;
  double weight = 1;
  Strategy strategy = Strategy::kRandom;
  std::vector<ComponentRoute> components = {};
  bool operator==(const VariantRoute&) const = default;
};

enum class EndpointKind {
  kComponents,  // callers name an inference component
  kModels,      // each variant has one component, which callers do not see
};

struct EndpointRoute {
  std::string account;
  std::string name;  // callers give it in this case
  EndpointKind kind = EndpointKind::kComponents;
  std::vector<VariantRoute> variants = {};
  std::size_t payload_max = kPayloadMax;  // at most kPayloadCeiling
  std::size_t answer_max = kPayloadMax;
  Duration model_timeout = kModelTimeout;
  Duration stream_timeout = kStreamTimeout;
  bool operator==(const EndpointRoute&) const = default;
};

struct RoutingTable {
  std::vector<EndpointRoute> endpoints;
};

}  // namespace zeropull::router
