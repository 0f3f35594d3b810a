// Decisions: a capacity that shall be another, with all that explains it, and carrying one out: the capacity, the activity, the
// target's cooldowns and the alarms that led to it change in one commit, or nothing does. A process that ends in between has
// decided nothing; one that ends after it finds all of it done.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "control/autoscaler/insight.h"
#include "control/autoscaler/policies.h"
#include "control/autoscaler/resource.h"
#include "control/scaler/scalable_target.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

struct Decision {
  ResourceName resource;
  state::Revision target = 0;      // of the scalable target that it was decided on: another one voids it
  std::string policy;              // its name; "" of bounds and schedules; one that is gone voids it
  std::string detector;            // "own", "aws"; "" of bounds and schedules
  std::string cause, explanation;  // the API's text, and our sentence
  int from = 0;                    // the capacity that it was decided on: another one voids it
  std::optional<int> to;           // none: nothing is scaled, and `not_scaled` says why
  std::optional<scaler::NotScaled> not_scaled;
  state::Millis onset = 0;  // of the demand; 0: it is no answer to demand
  std::optional<scaler::TargetState> cooldowns;
};

scaler::TargetBounds bounds_of(const state::ScalableTarget& target);
scaler::TargetState cooldowns_of(const state::ScalableTarget& target);

// More records for the commit of a decision.
using MoreChanges = std::function<void(const state::View&, state::Changes&)>;

class Ledger {
 public:
  Ledger(state::State& state, Clock& clock, Random& random) : state_(state), clock_(clock), random_(random) {}

  struct Outcome {
    bool done = false;             // false: void, since target, policy or capacity are no longer what it was decided on
    state::Revision revision = 0;  // of the commit; 0: there was nothing to write
  };
  // `more` is written in either case.
  Result<Outcome> carry_out(const Context& ctx, const Decision& decision, const MoreChanges& more = {});
  // Ends activities whose capacity is there, was replaced or cannot come, whoever began them. Call it once a second.
  Result<void> follow(const Context& ctx);
  // Somebody wrote activities: follow() reads them.
  void notice() { unread_ = true; }
  state::Millis now() const;

 private:
  state::ScalingActivity activity_of(const Decision& decision, const ScalingResource& resource, state::Millis now);

  state::State& state_;
  Clock& clock_;
  Random& random_;
  bool unread_ = true;
  std::vector<ResourceName> open_;  // resources with activities in progress
};

}  // namespace zeropull::autoscaler
