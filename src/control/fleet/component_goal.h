// ComponentGoal: what a component's copies shall be made of and how many there shall be, decided from its record: the present
// specification, or the last good one while the present one is not resolved or has failed. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/fleet/draft.h"
#include "control/fleet/placement.h"

namespace zeropull::fleet {

struct ComponentGoal {
  std::vector<state::ComponentSpec> specs;
  std::uint64_t revision = 0;
  int copies = 0;
  bool present = false;  // it is the record's present specification
};
ComponentGoal component_goal(const Draft& draft, const state::Component& component);

bool is_resolved(const std::vector<state::ComponentSpec>& specs);
// The specification for an instance type: the one that names it, else the one for any. nullptr: there is none.
const state::ComponentSpec* spec_on(const std::vector<state::ComponentSpec>& specs, const std::string& instance_type);
// What a copy runs; nullptr when the component does not remember.
const state::ComponentSpec* spec_of(const state::Component& component, const state::Copy& copy, const std::string& instance_type);
// A copy of one need not be replaced to be one of the other.
bool same_deployment(const state::ComponentSpec& a, const state::ComponentSpec& b);

// What a copy reserves on an instance of this type. A variant's own model has the instance to itself.
Resources reservation(const state::Component& component, const state::ComponentSpec& spec, const InstanceType& type);
// On the types of these variants' pools.
Demand demand_of(const state::Component& component, const ComponentGoal& goal, const state::Variant& variant,
                 const InstanceTypes& types);

// A rolling update's batches, from DeploymentConfig.RollingUpdatePolicy; one copy at a time where there is none.
struct Rolling {
  int batch = 1;
  state::Millis wait_ms = 0;
};
Rolling rolling_of(const state::Component& component, int copies);

}  // namespace zeropull::fleet
