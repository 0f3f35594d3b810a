// Actions: what the reconciler does outside the records: each is given the id of a record, reads it, does its work and commits
// the outcome, and may end at any point and be called again. Runs on the executor's threads.
#pragma once

#include <string>

#include "base/context.h"
#include "control/fleet/reconciler.h"

namespace zeropull::fleet {

class Actions {
 public:
  explicit Actions(Reconciler& reconciler) : r_(reconciler), parts_(reconciler.parts_) {}

  Result<void> launch(const Context& ctx, const std::string& instance_id);
  Result<void> release(const Context& ctx, const std::string& instance_id);
  Result<void> resolve(const Context& ctx, const std::string& component_uid);
  Result<void> complete_volume(const Context& ctx, const std::string& endpoint_uid, const std::string& artifact);
  Result<void> purge(const Context& ctx, const std::string& endpoint_uid);

 private:
  Result<void> launch_failed(const Context& ctx, const state::Instance& instance, const Error& error);
  void deny(const state::Instance& instance, const std::string& reason, Code code);
  Reconciler& r_;
  ReconcilerParts& parts_;
};

}  // namespace zeropull::fleet
