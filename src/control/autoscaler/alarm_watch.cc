#include "control/autoscaler/alarm_watch.h"

#include <algorithm>
#include <set>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/log.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

bool due(const WatchedAlarm& alarm, std::int64_t now) {
  if (!alarm.query) return false;
  const auto interval = std::clamp<std::int64_t>(alarm.query->rule.period, 1, kEvaluationIntervalMax);
  return alarm.state.evaluated == 0 || now < alarm.state.evaluated || now / interval != alarm.state.evaluated / interval;
}

// But for the marks of evaluation.
bool same_state(const AlarmStatus& a, const AlarmStatus& b) {
  return a.value == b.value && a.updated == b.updated && a.reason == b.reason && a.reason_data == b.reason_data;
}

}  // namespace

scaler::AlarmState alarm_state_of(const AlarmStatus& status) {
  return {.value = static_cast<scaler::AlarmStateValue>(status.value),
          .reason = status.reason,
          .reason_data = status.reason_data,
          .updated = status.updated,
          .transitioned = status.transitioned,
          .evaluated = status.evaluated,
          .known_since = status.known_since,
          .acted = status.acted};
}

AlarmStatus alarm_status_of(const scaler::AlarmState& state) {
  return {.value = static_cast<AlarmValue>(state.value),
          .reason = state.reason,
          .reason_data = state.reason_data,
          .updated = state.updated,
          .transitioned = state.transitioned,
          .evaluated = state.evaluated,
          .known_since = state.known_since,
          .acted = state.acted};
}

void AlarmWatch::take(const List<Alarm>& alarms, std::int64_t now) {
  std::set<std::string> there;
  for (const auto& record : alarms) {
    there.insert(key_of(static_cast<const Alarm&>(*record)));
    take_one(record, now);
  }
  std::erase_if(alarms_, [&](const auto& one) { return !there.contains(one.first); });
}

void AlarmWatch::take_one(const Ptr<Alarm>& record, std::int64_t now) {
  auto key = key_of(static_cast<const Alarm&>(*record));
  auto& alarm = alarms_[key];
  if (alarm.record && alarm.record->revision == record->revision) return;
  const bool first = alarm.record == nullptr;
  if (first || alarm.record->body != record->body) {
    auto query = parse_alarm(*record);
    if (!query.ok()) LOG_WARN(kLog, "{}", query.error().to_string());
    alarm.query = query.ok() ? std::optional(std::move(*query)) : std::nullopt;
  }
  // A state that is neither the one before nor ours is a caller's (SetAlarmState, or another alarm of the name). A new
  // configuration alone leaves what was evaluated as it is, to be written again where it was not.
  const auto ours = alarm_status_of(alarm.state);
  const bool set = !first && !same_state(record->status, ours) && !same_state(record->status, alarm.record->status);
  alarm.record = record;
  if (!first && !set) {
    alarm.unwritten = !same_state(record->status, ours);
    return;
  }
  auto told = alarm_state_of(record->status);
  // What was looked at in the meantime is not looked at again.
  told.evaluated = std::max(told.evaluated, alarm.state.evaluated);
  told.known_since = std::max(told.known_since, alarm.state.known_since);
  alarm.state = std::move(told);
  alarm.unwritten = false;
  if (first) return;
  alarm.datapoints = told_datapoints(alarm.state.reason_data, now);  // it acts only where the caller gave some
  if (!alarm.datapoints.empty()) trigger(key, alarm);
}

void AlarmWatch::trigger(const std::string& key, const WatchedAlarm& alarm) {
  if (!alarm.query || !alarm.record->actions_enabled) return;
  const auto& ids = alarm.query->policies(alarm.state.value);
  if (!ids.empty()) triggers_.push_back({key, ids});
}

void AlarmWatch::evaluate_due(std::int64_t now) {
  for (auto& [key, alarm] : alarms_) {
    if (!due(alarm, now)) continue;
    auto points = alarm_points(metrics_, alarm.record->account, *alarm.query, now);
    if (!points.ok()) {
      LOG_WARN(kLog, "alarm {}: {}", alarm.record->name, points.error().to_string());
      alarm.state.evaluated = now;
      continue;
    }
    auto result = scaler::evaluate(alarm.query->rule, alarm.state, *points, now);
    alarm.datapoints = std::move(result.datapoints);
    const bool acts =
        result.scaling_actions && alarm.record->actions_enabled && !alarm.query->policies(alarm.state.value).empty();
    if (result.changed) LOG_INFO(kLog, "alarm {}: {}: {}", alarm.record->name, state_name(alarm.state.value), alarm.state.reason);
    if (acts) trigger(key, alarm);
    alarm.unwritten |= result.changed || acts;
  }
}

const WatchedAlarm* AlarmWatch::find(const std::string& account, const std::string& name) const {
  Alarm wanted;
  wanted.account = account;
  wanted.name = name;
  auto at = alarms_.find(key_of(wanted));
  return at == alarms_.end() ? nullptr : &at->second;
}

void AlarmWatch::write(const View& view, const std::vector<std::string>& keys, Changes& changes) const {
  for (const auto& [key, alarm] : alarms_) {
    if (!alarm.unwritten || (!keys.empty() && std::ranges::find(keys, key) == keys.end())) continue;
    auto now = view.alarm({alarm.record->account, alarm.record->name});
    if (!now || now->revision != alarm.record->revision) continue;
    Alarm next = *now;
    next.status = alarm_status_of(alarm.state);
    changes.put(now, std::move(next));
  }
}

void AlarmWatch::written(const std::vector<std::string>& keys) {
  for (auto& [key, alarm] : alarms_) {
    if (!alarm.unwritten || (!keys.empty() && std::ranges::find(keys, key) == keys.end())) continue;
    alarm.unwritten = false;
  }
}

bool AlarmWatch::has_unwritten() const {
  return std::ranges::any_of(alarms_, [](const auto& one) { return one.second.unwritten; });
}

}  // namespace zeropull::autoscaler
