// Draft: all records of one endpoint as the reconcilers' steps see and change them. A step is a function of a draft and of what
// was observed; it may run at any moment, after any other, and again. What it changed is committed at once, or not at all when
// somebody else was faster; then the steps run again on what is there. A plain value: one thread.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/report.h"
#include "base/clock.h"
#include "control/fleet/instance_types.h"
#include "control/fleet/policy.h"
#include "control/state/state.h"

namespace zeropull::fleet {

// A record as it was read, and what becomes of it. Copied when it is changed, not before.
template <typename T>
class Row {
 public:
  explicit Row(state::Ptr<T> was) : was_(std::move(was)) {}
  explicit Row(T added) : now_(std::move(added)) {}

  const T& operator*() const { return now_ ? *now_ : *was_; }
  const T* operator->() const { return &**this; }
  // Changes the member unless it has the value already.
  template <typename M, typename V>
  void set(M T::* member, V value) {
    if ((**this).*member != value) edit().*member = std::move(value);
  }
  T& edit() {
    if (!now_) now_ = static_cast<const T&>(*was_);
    return *now_;
  }
  void remove() { removed_ = true; }
  bool removed() const { return removed_; }
  void write_to(state::Changes& changes) const {
    if (removed_) {
      if (was_) changes.remove(was_);
    } else if (now_) {
      was_ ? changes.put(was_, *now_) : changes.add(*now_);
    }
  }

 private:
  state::Ptr<T> was_;  // nullptr: not there yet
  std::optional<T> now_;
  bool removed_ = false;
};

// What is known of an instance beside its record. Not kept: a restarted server learns it again. Times that are not kept are the
// steady clock's: a step of the wall clock, as after a machine's sleep, makes nobody silent.
struct InstanceSight {
  std::shared_ptr<const agent::Report> report;  // the last one; nullptr: none since the server's start
  bool answers_last = false;                    // it answers the desired state that was sent last
  SteadyTime heard = {};                        // the last sign of life, or the server's start
  bool gone = false;                            // the provider says that there is none
};

struct Denial {
  std::string reason;
  SteadyTime since = {}, until = {};
  bool final = false;  // asking again will not help
};

struct Observed {
  state::Millis now = 0;  // as records have it
  SteadyTime steady = {};
  std::map<std::string, InstanceSight> instances;     // by instance id
  std::map<std::string, SteadyTime> unhealthy_since;  // by copy id
  std::map<std::string, Denial> denied;               // by pool_key()
  // Copies that the router's present table has; shared, since it is of all endpoints.
  std::shared_ptr<const std::set<std::string>> routed = std::make_shared<const std::set<std::string>>();
  std::function<std::uint64_t(const std::string& copy_id)> in_flight;
};
std::string pool_key(const std::string& endpoint_uid, const std::string& variant, const std::string& instance_type);

struct StepInput {
  const Observed& seen;
  const FleetPolicy& policy;
  const InstanceTypes& types;
  Random& random;
};

struct Draft {
  explicit Draft(state::Ptr<state::Endpoint> from) : endpoint(std::move(from)) {}
  Draft(Draft&&) = default;
  // nullopt when there is no such endpoint.
  static std::optional<Draft> read(const state::View& view, const std::string& endpoint_uid);
  state::Changes changes() const;

  Row<state::Endpoint> endpoint;
  std::deque<Row<state::Component>> components;
  std::deque<Row<state::Instance>> instances;
  std::deque<Row<state::Copy>> copies;
  std::deque<Row<state::TimelineEntry>> timeline;
  std::map<std::string, state::Ptr<state::Model>> models;  // of the endpoint's variants and components, by name

  // Variants as they shall be: those of the update that is carried out, or the present ones.
  const std::vector<state::Variant>& target_variants() const;
  const state::Variant* target_variant(const std::string& name) const;
  // nullptr for one that is not there, or is removed.
  Row<state::Instance>* instance(const std::string& id);
  Row<state::Component>* component(const std::string& uid);
  // Those that are not removed.
  std::vector<Row<state::Copy>*> copies_of_component(const std::string& uid) const;
  std::vector<Row<state::Copy>*> copies_on_instance(const std::string& id) const;
  Row<state::Instance>& add(state::Instance record);
  Row<state::Component>& add(state::Component record);
  Row<state::Copy>& add(state::Copy record);
  // An instance that stays: of a variant and a type that the endpoint shall have, and not on its way out.
  bool in_fleet(const state::Instance& instance) const;
  // Instances above what the variant may have, chosen by the fewest copies; they are not of the fleet. Set by reconcile().
  std::set<std::string> surplus;
  bool deleting() const { return endpoint->status == state::EndpointStatus::kDeleting; }

  // Shows in Describe why a variant has not what it should have; "" clears it.
  state::Variant* edit_target_variant(const std::string& name);
  void set_status_message(const std::string& variant, const std::string& message);
  void put_timeline(state::TimelineEntry entry);

 private:
  void index(Row<state::Instance>& row);
  void index(Row<state::Component>& row);
  void index(Row<state::Copy>& row);
  // Rows by what they are asked for by; a deque's elements stay where they are.
  std::unordered_map<std::string, Row<state::Instance>*> instance_by_id_;
  std::unordered_map<std::string, Row<state::Component>*> component_by_uid_;
  std::unordered_map<std::string, std::vector<Row<state::Copy>*>> by_component_, by_instance_;
};

// Whether one of `range` has `value` for `member`.
template <typename Range, typename V, typename Member>
bool contains(const Range& range, const V& value, Member member) {
  return std::ranges::find(range, value, member) != std::ranges::end(range);
}

// "c-<16 hex>"
std::string new_id(std::string_view prefix, Random& random);
// At most kReasonMax bytes, cut between characters.
std::string limited_reason(std::string text);

}  // namespace zeropull::fleet
