#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "control/fleet/component_goal.h"
#include "control/fleet/limits.h"
#include "control/fleet/steps.h"

namespace zeropull::fleet {

using namespace state;

namespace {

// The copies of one component, by what is to become of them.
struct Census {
  std::vector<Row<Copy>*> wanted;  // of the goal's specification, on an instance that stays
  std::vector<Row<Copy>*> old;     // of another one, or on an instance that goes
  std::vector<Row<Copy>*> failed;  // of the goal's specification
  int ending = 0;
  int ready = 0;          // of the wanted
  Millis ready_last = 0;  // when the youngest of them became so
};

Census take_census(Draft& draft, const Component& component, const ComponentGoal& goal) {
  Census census;
  for (auto* copy : draft.copies_of_component(component.uid)) {
    auto& row = *copy;
    if (is_ending(*row)) {
      ++census.ending;
      continue;
    }
    const auto* instance = draft.instance(row->instance_id);
    const auto* has = instance == nullptr ? nullptr : spec_of(component, *row, (*instance)->instance_type);
    const auto* wants = instance == nullptr ? nullptr : spec_on(goal.specs, (*instance)->instance_type);
    bool fits = has != nullptr && wants != nullptr && same_deployment(*has, *wants) && draft.in_fleet(**instance);
    if (!fits) {
      census.old.push_back(&row);
    } else if (row->phase == CopyPhase::kFailed) {
      census.failed.push_back(&row);
    } else {
      census.wanted.push_back(&row);
      if (!is_serving(*row)) continue;
      ++census.ready;
      census.ready_last = std::max(census.ready_last, row->ready);
    }
  }
  return census;
}

// Instances as places for copies of this component.
std::vector<Host> hosts_for(Draft& draft, const Component& component, const ComponentGoal& goal, const StepInput& in) {
  std::vector<Host> hosts;
  for (const auto& row : draft.instances) {
    if (row.removed() || row->variant != component.variant || !draft.in_fleet(*row)) continue;
    const auto* type = in.types.find(row->instance_type);
    if (type == nullptr) continue;
    auto host = Host::empty(row->id, *type);
    host.ready = row->state == InstanceState::kReady;
    for (auto* held : draft.copies_on_instance(row->id)) {
      const Copy& copy = **held;
      const auto* owner = draft.component(copy.component_uid);
      const auto* spec = owner == nullptr ? nullptr : spec_of(**owner, copy, row->instance_type);
      host.reserve(spec == nullptr ? Resources{} : reservation(**owner, *spec, *type), copy.accelerators);
      if (copy.component_uid == component.uid && !is_ending(copy)) ++host.copies_of_component;
    }
    auto sight = in.seen.instances.find(row->id);
    const auto* spec = spec_on(goal.specs, row->instance_type);
    if (sight != in.seen.instances.end() && sight->second.report && spec != nullptr) {
      for (const auto& artifact : sight->second.report->artifacts) {
        bool image = artifact.kind == agent::CachedArtifact::Kind::kImage &&
                     spec->container.resolved_image.ends_with("@" + artifact.identity);
        bool model = artifact.kind == agent::CachedArtifact::Kind::kModel && !artifact.identity.empty() &&
                     artifact.identity == spec->container.model_identity;
        if (image || model) ++host.artifacts;
      }
    }
    hosts.push_back(std::move(host));
  }
  return hosts;
}

void remember_deployed(Row<Component>& component, const ComponentGoal& goal) {
  if (contains(component->deployed, goal.revision, &DeployedSpecs::revision)) return;
  component.edit().deployed.push_back({goal.revision, goal.specs});
}

// Revisions that no copy runs and nobody goes back to.
void forget_deployed(Draft& draft, Row<Component>& component) {
  if (component->deployed.size() < 2) return;
  auto copies = draft.copies_of_component(component->uid);
  auto unused = [&](const DeployedSpecs& one) {
    return one.revision != component->good_revision && one.revision != component->spec_revision &&
           std::ranges::none_of(copies, [&](const Row<Copy>* copy) { return (*copy)->spec_revision == one.revision; });
  };
  if (std::ranges::any_of(component->deployed, unused)) std::erase_if(component.edit().deployed, unused);
}

void fail_component(Row<Component>& component, const StepInput& in, std::string reason) {
  if (component->status == ComponentStatus::kFailed && component->failed_revision == component->spec_revision) return;
  component.set(&Component::failed_revision, component->spec_revision);
  component.set(&Component::status, ComponentStatus::kFailed);
  component.set(&Component::failure_reason, limited_reason(std::move(reason)));
  component.set(&Component::modified, in.seen.now);
}

std::string failure_of(const Copy& copy) {
  std::string text = fmt::format("Copy {} on instance {} failed: {}", copy.id, copy.instance_id, copy.reason);
  if (!copy.log_tail.empty()) {
    auto tail = std::string_view(copy.log_tail);
    if (tail.size() > kReasonLogMax) tail.remove_prefix(tail.size() - kReasonLogMax);
    text += fmt::format(". The end of its log: {}", tail);
  }
  return text;
}

class ComponentMove {
 public:
  ComponentMove(Draft& draft, const StepInput& in, Row<Component>& component, Pending& pending)
      : draft_(draft), in_(in), component_(component), pending_(pending) {}

  void run() {
    if (draft_.endpoint->status == EndpointStatus::kFailed && component_->status != ComponentStatus::kDeleting) {
      fail_component(component_, in_, "The endpoint has failed: " + draft_.endpoint->failure_reason);
    }
    goal_ = component_goal(draft_, *component_);
    census_ = take_census(draft_, *component_, goal_);
    if (fails_at_once()) {
      goal_ = component_goal(draft_, *component_);  // back to the last good one
      census_ = take_census(draft_, *component_, goal_);
    }
    replace_sick();
    rolling_ = rolling_of(*component_, goal_.copies);
    if (census_.old.empty() || component_->status == ComponentStatus::kDeleting) {
      add(goal_.copies);
      shrink(census_.wanted, goal_.copies, "not wanted any more");
      if (goal_.copies == 0) shrink(census_.old, 0, "not wanted any more");
    } else {
      roll();
    }
    set_status();
    forget_deployed(draft_, component_);
  }

 private:
  bool starting_up() const { return goal_.present && component_->good_revision != component_->spec_revision; }

  // A first start that failed, or can never be, is the component's failure; its copies end with it.
  bool fails_at_once() {
    if (!starting_up() || component_->status == ComponentStatus::kDeleting || goal_.copies == 0) return false;
    if (!census_.failed.empty()) {
      fail_component(component_, in_, failure_of(**census_.failed.front()));
    } else if (const auto* variant = draft_.target_variant(component_->variant)) {
      auto never = why_never(demand_of(*component_, goal_, *variant, in_.types), types_of(*variant));
      if (never.empty()) return false;
      fail_component(component_, in_, never);
    } else if (!component_->implicit) {
      fail_component(component_, in_, fmt::format("The endpoint has no variant \"{}\" any more.", component_->variant));
    }
    return component_->failed_revision == component_->spec_revision;
  }

  std::vector<const InstanceType*> types_of(const Variant& variant) const {
    std::vector<const InstanceType*> types;
    for (const auto& pool : variant.pools) {
      if (const auto* type = in_.types.find(pool.instance_type)) types.push_back(type);
    }
    return types;
  }

  // In service a copy that failed or went sick is tried again, on an instance that placement chooses anew.
  void replace_sick() {
    for (auto* copy : census_.failed) {
      draft_.set_status_message(component_->variant, failure_of(**copy));
      bool surplus = static_cast<int>(census_.wanted.size()) >= goal_.copies;
      if (surplus || in_.seen.now - (*copy)->draining >= in_.policy.failed_retry_ms) let_go(*copy, in_, "");
    }
    std::erase_if(census_.failed, [](Row<Copy>* copy) { return is_ending(**copy); });
    std::erase_if(census_.wanted, [&](Row<Copy>* copy) {
      auto since = in_.seen.unhealthy_since.find((*copy)->id);
      if ((*copy)->phase != CopyPhase::kUnhealthy || since == in_.seen.unhealthy_since.end()) return false;
      if (in_.seen.steady - since->second < std::chrono::milliseconds(in_.policy.unhealthy_after_ms)) return false;
      let_go(*copy, in_, "unhealthy for too long");
      return true;
    });
  }

  // Copies of the new specification first, then as many old ones fewer.
  void roll() {
    std::erase_if(census_.old, [&](Row<Copy>* copy) {
      if (is_serving(**copy)) return false;
      let_go(*copy, in_, "replaced before it served");
      ++census_.ending;
      return true;
    });
    int batch_end = census_.ready + rolling_.batch;
    bool waits = census_.ready > 0 && in_.seen.now - census_.ready_last < rolling_.wait_ms;
    add(waits ? static_cast<int>(census_.wanted.size()) : std::min(goal_.copies, batch_end));
    shrink(census_.wanted, goal_.copies, "not wanted any more");
    int keep = std::max(0, goal_.copies - census_.ready);
    // Without room for a new copy beside the old ones, a batch of these makes room.
    if (!blocked_.empty() && census_.ending == 0 && !waits)
      keep = std::max(0, static_cast<int>(census_.old.size()) - rolling_.batch);
    shrink(census_.old, keep, "replaced by an update");
  }

  void add(int count) {
    const auto* variant = draft_.target_variant(component_->variant);
    int missing = count - static_cast<int>(census_.wanted.size()) - static_cast<int>(census_.failed.size());
    if (variant == nullptr || missing <= 0) return;
    auto demand = demand_of(*component_, goal_, *variant, in_.types);
    auto types = types_of(*variant);
    auto hosts = hosts_for(draft_, *component_, goal_, in_);
    for (; missing > 0; --missing) {
      auto choice = place(demand, hosts, types);
      if (choice.fit != Fit::kFits) {
        if (pending_.reason.empty()) pending_.reason = choice.reason;
        pending_.demands.insert(pending_.demands.end(), static_cast<std::size_t>(missing), demand);
        if (!may_grow(draft_, *variant, in_)) {
          auto capacity = provisioning_failure(draft_, *variant, in_);
          blocked_ = capacity.empty() ? choice.reason : capacity;
        }
        return;
      }
      auto& host = hosts[choice.host];
      host.reserve(demand.by_type.at(host.instance_type), choice.accelerators);
      ++host.copies_of_component;
      place_copy(host, std::move(choice.accelerators));
    }
  }

  void place_copy(const Host& host, std::vector<std::uint32_t> accelerators) {
    remember_deployed(component_, goal_);
    Copy copy;
    copy.id = new_id("c", in_.random);
    copy.account = component_->account;
    copy.endpoint_uid = component_->endpoint_uid;
    copy.component_uid = component_->uid;
    copy.component = component_->name;
    copy.variant = component_->variant;
    copy.instance_id = host.instance_id;
    copy.spec_revision = goal_.revision;
    copy.accelerators = std::move(accelerators);
    copy.placed = in_.seen.now;
    const auto& order = component_->order;
    if (order.decided != 0 && static_cast<int>(census_.wanted.size()) >= order.above) {
      auto& detect = copy.phases.emplace_back();
      detect.name = kDetectPhase;
      detect.begin = order.onset;
      detect.end = order.decided;
      detect.reason = order.reason;
    }
    census_.wanted.push_back(&draft_.add(std::move(copy)));
  }

  // Lets go all but `keep`: first those that do not serve, then where it empties an instance soonest, then the youngest.
  void shrink(std::vector<Row<Copy>*>& copies, int keep, const std::string& reason) {
    auto excess = static_cast<int>(copies.size()) - keep;
    if (excess <= 0) return;
    std::ranges::sort(copies, {}, [&](Row<Copy>* copy) {
      return std::tuple(is_serving(**copy), draft_.copies_on_instance((*copy)->instance_id).size(), -(*copy)->placed,
                        (*copy)->id);
    });
    for (int i = 0; i < excess; ++i) {
      let_go(*copies[static_cast<std::size_t>(i)], in_, reason);
      ++census_.ending;
    }
    copies.erase(copies.begin(), copies.begin() + excess);
  }

  void set_status() {
    if (component_->status == ComponentStatus::kDeleting) {
      if (draft_.copies_of_component(component_->uid).empty()) component_.remove();
      return;
    }
    if (!is_resolved(component_->specs)) return;  // Creating or Updating until it is
    if (component_->failed_revision == component_->spec_revision) {
      component_.set(&Component::status, ComponentStatus::kFailed);
      return;
    }
    bool complete =
        census_.old.empty() && census_.ready == goal_.copies && static_cast<int>(census_.wanted.size()) == goal_.copies;
    if (complete) {
      if (component_->status != ComponentStatus::kInService) component_.set(&Component::modified, in_.seen.now);
      component_.set(&Component::status, ComponentStatus::kInService);
      component_.set(&Component::good_revision, component_->spec_revision);
      component_.set(&Component::failure_reason, std::string());
      component_.set(&Component::order, ScaleOrder{});
      if (goal_.copies > 0) remember_deployed(component_, goal_);
      return;
    }
    if (blocked_.empty() || census_.ending > 0) return;
    if (component_->status == ComponentStatus::kCreating) {
      fail_component(component_, in_, blocked_);
    } else if (component_->status == ComponentStatus::kUpdating && census_.old.empty() &&
               census_.ready == static_cast<int>(census_.wanted.size())) {
      // More copies than there is room for: those that fit serve, and the reason is told; the rest follow when there is room.
      component_.set(&Component::status, ComponentStatus::kInService);
      component_.set(&Component::good_revision, component_->spec_revision);
      component_.set(&Component::failure_reason, limited_reason(blocked_));
    }
  }

  Draft& draft_;
  const StepInput& in_;
  Row<Component>& component_;
  Pending& pending_;
  ComponentGoal goal_;
  Census census_;
  Rolling rolling_;
  std::string blocked_;
};

void finish_drains(Draft& draft, const StepInput& in) {
  for (auto& row : draft.copies) {
    if (row.removed() || row->phase != CopyPhase::kDraining) continue;
    bool idle = !in.seen.routed->contains(row->id) && in.seen.in_flight(row->id) == 0;
    if (idle || in.seen.now - row->draining > in.policy.drain_max_ms) row.set(&Copy::phase, CopyPhase::kStopping);
  }
}

}  // namespace

int serving_copies(Draft& draft, const Component& component) {
  return take_census(draft, component, component_goal(draft, component)).ready;
}

bool runs_old_copies(Draft& draft, const Component& component) {
  return !take_census(draft, component, component_goal(draft, component)).old.empty();
}

void fail(Row<Component>& component, const StepInput& in, std::string reason) {
  fail_component(component, in, std::move(reason));
}

PendingByVariant move_components(Draft& draft, const StepInput& in) {
  finish_drains(draft, in);
  PendingByVariant pending;
  for (auto& row : draft.components) {
    if (!row.removed()) ComponentMove(draft, in, row, pending[row->variant]).run();
  }
  // A component that went takes its copies along; one that never was leaves none.
  for (auto& row : draft.copies) {
    if (!row.removed() && draft.component(row->component_uid) == nullptr) let_go(row, in, "its component is gone");
  }
  return pending;
}

}  // namespace zeropull::fleet
