// ScalingResource: what a scalable target scales, as the records have it now: a component's copies or a variant's instances. Pure
// functions of a View.
#pragma once

#include <optional>
#include <string>

#include "control/state/scaling_names.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

struct ScalingResource {
  std::string noun;             // "copy count", "instance count": in activities
  std::string unit_one, units;  // "copy" and "copies", "instance" and "instances": in explanations
  state::Ptr<state::Endpoint> endpoint;
  state::Ptr<state::Component>
      component;  // of a variant with a model the one that stands for it; nullptr: a variant of components
  std::string variant;
  bool scales_variant = false;  // its instances, not the copies of a component
  int desired = 0;
  int ready = 0;        // copies that serve; of a variant of components, instances
  std::string busy;     // why its capacity cannot be changed now; "" when it can
  std::string failure;  // why it does not get what it should have; "" when it may
  int pending() const { return desired > ready ? desired - ready : 0; }
  std::string counted(int count) const;  // "1 copy", "4 copies"
};

int serving_copies(const state::View& view, const std::string& component_uid);
int ready_instances(const state::View& view, const std::string& endpoint_uid, const std::string& variant);

// nullopt: there is no such component or variant (any more).
std::optional<ScalingResource> find_resource(const state::View& view, const state::Scaled& scaled);

// Sets the capacity and, where it grows, why (records.h): as UpdateInferenceComponentRuntimeConfig and
// UpdateEndpointWeightsAndCapacities do.
void set_capacity(state::Changes& changes, const ScalingResource& resource, int capacity, const state::ScaleOrder& order,
                  state::Millis now);

}  // namespace zeropull::autoscaler
