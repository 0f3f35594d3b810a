// AlarmWatch: every alarm of the records, evaluated at the end of each of its periods: those that target tracking made and those
// of callers. It remembers what changes with each evaluation; an alarm's state is committed when it changes or acts, by whoever
// acts on it (Trigger::write), so that an action and the state that says it ran are one commit. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/autoscaler/alarm_query.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

// What is known of an alarm beside its record.
struct WatchedAlarm {
  state::Ptr<state::Alarm> record;
  std::optional<AlarmQuery> query;  // none: its text cannot be read, and it is never evaluated
  scaler::AlarmState state;
  std::vector<scaler::Datapoint> datapoints;  // that decided last, newest first
  bool unwritten = false;                     // `state` is newer than the record
};

// An alarm that invokes policies now.
struct Trigger {
  std::string alarm_key;
  std::vector<std::string> policy_ids;
};

class AlarmWatch {
 public:
  explicit AlarmWatch(const series::Store& metrics) : metrics_(metrics) {}

  // Takes over the records; `now` in seconds since the epoch.
  void take(const state::List<state::Alarm>& alarms, std::int64_t now);
  // Evaluates those that are due.
  void evaluate_due(std::int64_t now);
  // The triggers since the last call.
  std::vector<Trigger> take_triggers() { return std::exchange(triggers_, {}); }

  const WatchedAlarm* find(const std::string& account, const std::string& name) const;
  const std::map<std::string, WatchedAlarm>& alarms() const { return alarms_; }
  // Adds the states that are not written yet of these alarms (empty: of all) to a commit; an alarm whose record is no longer the
  // one that was evaluated stays as it is. written() follows once it is committed.
  void write(const state::View& view, const std::vector<std::string>& keys, state::Changes& changes) const;
  void written(const std::vector<std::string>& keys);
  bool has_unwritten() const;

 private:
  void take_one(const state::Ptr<state::Alarm>& record, std::int64_t now);
  void trigger(const std::string& key, const WatchedAlarm& alarm);

  const series::Store& metrics_;
  std::map<std::string, WatchedAlarm> alarms_;  // by key_of()
  std::vector<Trigger> triggers_;
};

// Between a record and the scaler's value.
scaler::AlarmState alarm_state_of(const state::AlarmStatus& status);
state::AlarmStatus alarm_status_of(const scaler::AlarmState& state);

}  // namespace zeropull::autoscaler
