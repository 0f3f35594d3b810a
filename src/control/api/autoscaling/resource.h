// The resource that a call is about: its name, whether it is there, its capacity, and what belongs to it. Reads views and adds to
// changes; commits nothing.
#pragma once

#include <set>
#include <string>

#include "control/api/operations.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::autoscaling {

inline constexpr std::string_view kServiceNamespace = "sagemaker";

// Of a call's ServiceNamespace, ResourceId and ScalableDimension.
struct Identity {
  std::string account, dimension, resource_id;
  state::Scaled scaled() const { return {account, dimension, resource_id}; }
  // "service namespace: sagemaker, resource ID: .., scalable dimension: ..", as errors have it.
  std::string text() const;
};
// kInvalidArgument: a resource id that is not of the dimension.
Result<Identity> identity_of(const Call& call);

// What a record of the resource becomes: what it was, or a new one, whose name and id are the caller's to give.
template <typename T>
T next_of(const Call& call, const Identity& identity, const state::Ptr<T>& was) {
  if (was != nullptr) return *was;
  T made;
  made.account = identity.account;
  made.dimension = identity.dimension;
  made.resource_id = identity.resource_id;
  made.created = call.now;
  return made;
}

// kNotFound where nobody registered it.
Result<state::Ptr<state::ScalableTarget>> registered(const state::View& view, const Identity& identity);

// Brings the capacity of the target's resource into the target's bounds, with an activity, if it is active; otherwise makes sure
// that it stays while this is committed. kInvalidArgument: there is no such resource.
Result<void> force_capacity(const Call& call, const state::View& view, const state::ScalableTarget& target,
                            state::Changes& changes);

// Removes policies: the alarms that they made go, and other alarms' actions that invoke them.
void remove_policies(const state::View& view, const state::List<state::ScalingPolicy>& policies, state::Changes& changes);
// Removes the target with its policies, alarms and scheduled actions. Its activities stay.
void remove_targets(const state::View& view, const state::List<state::ScalableTarget>& targets, state::Changes& changes);
// The targets of a component, of all variants and components of an endpoint. They go with their resources: a resource of the same
// name that is made later is another one.
void remove_targets_of_component(const state::View& view, const state::Component& component, state::Changes& changes);
void remove_targets_of_endpoint(const state::View& view, const state::Endpoint& endpoint, state::Changes& changes);

}  // namespace zeropull::api::autoscaling
