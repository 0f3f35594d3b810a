// The reconcilers' steps, in the order in which reconcile() runs them. Each brings a draft one step nearer to what it shall be
// and may be run at any moment and again. What a step decides is a change of records alone; effects outside (launching,
// releasing, resolving, purging) follow from the committed records, see actions.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/fleet/draft.h"
#include "control/fleet/placement.h"

namespace zeropull::fleet {

// Chooses draft.surplus.
void mark_surplus(Draft& draft);
// Takes over what agents report: phases of copies, instances that are ready, identities of models; and lets go what has ended.
void take_reports(Draft& draft, const StepInput& in);
// Instances that do not come, or are heard of no more, and the copies that went with them.
void give_up_lost(Draft& draft, const StepInput& in);
// Components have the containers of their models, and one stands for each target variant with a model, of its model after an
// update.
void prepare_components(Draft& draft, const StepInput& in);

// Copies that are wanted and find no room, by variant; launching follows from them.
struct Pending {
  std::vector<Demand> demands;
  std::string reason;  // of the first
};
using PendingByVariant = std::map<std::string, Pending>;

// Places, replaces, drains and ends copies, and sets the components' statuses.
PendingByVariant move_components(Draft& draft, const StepInput& in);
// Launches and releases instances.
void move_instances(Draft& draft, const StepInput& in, const PendingByVariant& pending);
// The endpoint's status; the end of an update or of a creation.
void move_endpoint(Draft& draft, const StepInput& in);
// The oldest entries above the policy's number.
void prune_timeline(Draft& draft, const StepInput& in);
// For an endpoint that is being deleted, instead of the four above.
void take_apart(Draft& draft, const StepInput& in);

// All of them.
void reconcile(Draft& draft, const StepInput& in);

// The phase of a copy before all others: from the onset of the demand to the decision that ordered the copy. The control plane's
// own; what agents report comes behind it.
inline constexpr const char* kDetectPhase = "detect";

// What the steps share.
// Those that the agent tells, behind the one that it does not know of.
std::vector<state::PhaseRecord> phases_of(const state::Copy& copy, const agent::CopyReport& report);
bool is_ending(const state::Copy& copy);   // draining or later: it does not count for what is wanted
bool is_serving(const state::Copy& copy);  // the router may use it
// A copy that is not wanted any more: drained when it may have requests, else stopped.
void let_go(Row<state::Copy>& copy, const StepInput& in, const std::string& reason);
// The present specification of the component can never be in service.
void fail(Row<state::Component>& component, const StepInput& in, std::string reason);
// Copies of what it shall be made of that serve, on instances that stay; and whether others are left.
int serving_copies(Draft& draft, const state::Component& component);
bool runs_old_copies(Draft& draft, const state::Component& component);

// The variant can still get instances: its bounds allow one, and its pools may have capacity before the time is over.
bool may_grow(Draft& draft, const state::Variant& variant, const StepInput& in);
// Why the variant's instances will not come; "" while they may.
std::string provisioning_failure(Draft& draft, const state::Variant& variant, const StepInput& in);
int instances_in_fleet(const Draft& draft, const state::Variant& variant);
// The instances that it shall have at least, now.
int instances_wanted(const Draft& draft, const state::Variant& variant);

}  // namespace zeropull::fleet
