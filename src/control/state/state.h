// State: everything that the control plane knows, in memory, over a durable Kv. Reads never touch the disk; a change is durable
// before it is visible, and visible before listeners hear of it.
//
//   auto view = state->view();                                  // one consistent moment; short: it holds a shared lock
//   Ptr<Endpoint> endpoint = view.endpoint({account, name});    // nullptr: there is none. Immutable; outlives the view
//
//   TRY(state->update(ctx, [&](const View& view) -> Result<Changes> {     // reads and changes again when another was faster
//     auto copy = view.copy(id);
//     if (!copy) return Changes{};                              // nothing to do: no write
//     Copy next = *copy;
//     next.phase = CopyPhase::kDraining;
//     Changes changes;
//     changes.put(copy, std::move(next));                       // only if the record is still the one that was read
//     return changes;
//   }));
//
// All records are indexed by what the reconcilers and the API ask for; each read costs what it returns. Thread-safe. Never wait,
// commit or take a second view while a View lives. Listeners run on the committing thread after every lock is released: they wake
// somebody and return.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/guarded.h"
#include "base/result.h"
#include "control/state/changes.h"
#include "control/state/kv.h"

namespace zeropull::state {

// A name within an account.
struct Named {
  std::string_view account, name;
};

// A resource that scales, see scaling_records.h.
struct Scaled {
  std::string_view account, dimension, resource_id;
};
template <typename T>
Scaled scaled_of(const T& record) {  // the record must outlive what is returned
  return {record.account, record.dimension, record.resource_id};
}

struct Tables;  // records by key, and the indexes

class View {
 public:
  Ptr<AccessKey> access_key(std::string_view id) const;
  List<AccessKey> access_keys() const;
  Ptr<Model> model(Named name) const;
  List<Model> models(std::string_view account) const;
  Ptr<EndpointConfig> endpoint_config(Named name) const;
  List<EndpointConfig> endpoint_configs(std::string_view account) const;

  Ptr<Endpoint> endpoint(Named name) const;              // case-sensitive
  Ptr<Endpoint> endpoint_in_any_case(Named name) const;  // for the uniqueness of names
  Ptr<Endpoint> endpoint_by_uid(std::string_view uid) const;
  List<Endpoint> endpoints() const;
  List<Endpoint> endpoints(std::string_view account) const;

  Ptr<Component> component(Named name) const;
  Ptr<Component> component_by_uid(std::string_view uid) const;
  List<Component> components(std::string_view account) const;
  List<Component> components_of_endpoint(std::string_view endpoint_uid) const;  // implicit ones too

  Ptr<Instance> instance(std::string_view id) const;
  List<Instance> instances() const;
  List<Instance> instances_of_endpoint(std::string_view endpoint_uid) const;

  Ptr<Copy> copy(std::string_view id) const;
  List<Copy> copies_of_endpoint(std::string_view endpoint_uid) const;
  List<Copy> copies_of_component(std::string_view component_uid) const;
  List<Copy> copies_of_instance(std::string_view instance_id) const;

  List<TimelineEntry> timeline_of_endpoint(std::string_view endpoint_uid) const;
  Ptr<Machine> machine(std::string_view id) const;
  List<Machine> machines() const;
  Ptr<JoinToken> join_token(std::string_view hash) const;
  List<JoinToken> join_tokens() const;

  // scaling_views.cc
  Ptr<ScalableTarget> scalable_target(const Scaled& scaled) const;
  Ptr<ScalableTarget> scalable_target_by_id(std::string_view id) const;
  List<ScalableTarget> scalable_targets() const;
  List<ScalableTarget> scalable_targets(std::string_view account) const;
  Ptr<ScalingPolicy> scaling_policy(const Scaled& scaled, std::string_view name) const;
  Ptr<ScalingPolicy> scaling_policy_by_id(std::string_view id) const;
  List<ScalingPolicy> scaling_policies() const;
  List<ScalingPolicy> scaling_policies(std::string_view account) const;
  List<ScalingPolicy> scaling_policies(const Scaled& scaled) const;
  Ptr<ScheduledAction> scheduled_action(const Scaled& scaled, std::string_view name) const;
  List<ScheduledAction> scheduled_actions() const;
  List<ScheduledAction> scheduled_actions(std::string_view account) const;
  List<ScheduledAction> scheduled_actions(const Scaled& scaled) const;
  Ptr<Alarm> alarm(Named name) const;
  List<Alarm> alarms() const;
  List<Alarm> alarms(std::string_view account, std::string_view name_prefix = "") const;
  List<Alarm> alarms_of_policy(std::string_view policy_id) const;
  // Oldest first.
  List<ScalingActivity> scaling_activities(const Scaled& scaled) const;
  List<ScalingActivity> scaling_activities(std::string_view account) const;  // by resource
  List<ScalingActivity> scaling_activities() const;

 private:
  friend class State;
  View(const Tables& tables, std::shared_lock<std::shared_mutex> lock) : tables_(&tables), lock_(std::move(lock)) {}
  const Tables* tables_;
  std::shared_lock<std::shared_mutex> lock_;
};

class State {
 public:
  using Listener = std::function<void(const std::vector<Changed>&)>;
  // A listener is called until its subscription is destroyed, which waits for a call in progress.
  class [[nodiscard]] Subscription {
   public:
    virtual ~Subscription() = default;
  };

  // Reads all records. kDataLoss when one cannot be read.
  static Result<std::unique_ptr<State>> create(const Context& ctx, std::unique_ptr<Kv> kv);
  ~State();

  View view() const;
  // The revision of what was written; 0 for empty changes. kAborted, naming the record, when one has changed since it was read.
  // Commits that wait for the disk together share one transaction.
  Result<Revision> commit(const Context& ctx, Changes changes);
  // Calls `build` and commits what it returns, again from the start on kAborted, until the context ends.
  Result<Revision> update(const Context& ctx, const std::function<Result<Changes>(const View&)>& build);
  // What was removed or replaced is gone from the disk, see Kv::scrub.
  Result<void> scrub(const Context& ctx);
  std::unique_ptr<Subscription> subscribe(Listener listener);

 private:
  struct Pending;
  struct Listeners;
  explicit State(std::unique_ptr<Kv> kv);
  void commit_queued_locked();
  const std::unique_ptr<Kv> kv_;
  mutable std::shared_mutex tables_mutex_;
  const std::unique_ptr<Tables> tables_;  // guarded by tables_mutex_; written under commit_mutex_ too
  std::mutex commit_mutex_;
  Guarded<std::vector<Pending*>> queue_;
  const std::shared_ptr<Listeners> listeners_;
};

}  // namespace zeropull::state
