// Schedules: when scheduled actions are due, and what each of them does. A time that is due while the process is away is done
// when it is back, once; one that a clock's jump brings a second time is not done again. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/autoscaler/decisions.h"

namespace zeropull::autoscaler {

// The next time of an action that the state has, seconds since the epoch; none: never again, or it cannot be read.
std::optional<std::int64_t> next_due(const state::ScheduledAction& action);

class Schedules {
 public:
  Schedules(state::State& state, Ledger& ledger) : state_(state), ledger_(ledger) {}
  // Does what is due at `now`, milliseconds since the epoch. Call it once a second.
  Result<void> run(const Context& ctx, state::Millis now);

 private:
  struct Known {
    state::Revision revision = 0;
    std::optional<Scheduled> parsed;
    std::optional<std::int64_t> due;
  };
  Result<void> act(const Context& ctx, const state::Ptr<state::ScheduledAction>& action, const Scheduled& scheduled,
                   state::Millis now);

  state::State& state_;
  Ledger& ledger_;
  std::map<std::string, Known> known_;  // by key_of()
};

}  // namespace zeropull::autoscaler
