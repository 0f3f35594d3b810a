#include <nlohmann/json.hpp>
#include <set>

#include "codec/json.h"
#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/limits.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

std::set<std::string> names_of(const Call& call) { return call.input["AlarmNames"].get<std::set<std::string>>(); }

// Names that are nobody's are passed over, as CloudWatch does it.
Result<json> enable_actions(const Call& call, bool enabled) {
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    for (const auto& name : names_of(call)) {
      auto alarm = view.alarm(call.named(name));
      if (alarm == nullptr || alarm->actions_enabled == enabled) continue;
      state::Alarm next = *alarm;
      next.actions_enabled = enabled;
      next.configured = call.now;
      changes.put(alarm, std::move(next));
    }
    return changes;
  }));
  return json(nullptr);
}

// Whether StateReasonData has datapoints: only then scaling policies are invoked.
Result<bool> has_datapoints(const std::string& reason_data) {
  if (reason_data.empty()) return false;
  auto data = codec::parse_json(reason_data, {.size_max = kRequestBytesMax});
  if (!data.ok() || !data->is_object()) {
    return make_error(Code::kInvalidArgument, "StateReasonData was not syntactically valid JSON.");
  }
  auto points = data->find("recentDatapoints");
  return points != data->end() && points->is_array() && !points->empty();
}

state::AlarmValue value_of(std::string_view name) {
  if (name == "OK") return state::AlarmValue::kOk;
  return name == "ALARM" ? state::AlarmValue::kAlarm : state::AlarmValue::kInsufficientData;
}

}  // namespace

// All of them or none.
Result<json> delete_alarms(const Call& call) {
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    for (const auto& name : names_of(call)) {
      auto alarm = view.alarm(call.named(name));
      if (alarm == nullptr) return make_error(Code::kNotFound, "The alarm {} does not exist; none was deleted.", name);
      if (!alarm->policy_id.empty()) {
        return make_error(Code::kAlreadyExists, "The alarm {} belongs to a target tracking policy; delete the policy.", name);
      }
      changes.remove(alarm);
    }
    return changes;
  }));
  return json(nullptr);
}

// The state lasts until the next evaluation. The autoscaler runs what is due, see AlarmStatus::acted.
Result<json> set_alarm_state(const Call& call) {
  auto name = text_or(call.input, "AlarmName");
  auto value = value_of(text_or(call.input, "StateValue"));
  auto reason_data = text_or(call.input, "StateReasonData");
  bool acts = TRY(has_datapoints(reason_data));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto alarm = view.alarm(call.named(name));
    if (alarm == nullptr) return make_error(Code::kNotFound, "The alarm {} does not exist.", name);
    state::Alarm next = *alarm;
    auto now = call.now / 1000;
    auto& status = next.status;
    if (status.value != value) status.transitioned = now;
    status.value = value;
    status.reason = text_or(call.input, "StateReason");
    status.reason_data = reason_data;
    status.updated = now;
    status.acted = acts ? 0 : now;
    Changes changes;
    changes.put(alarm, std::move(next));
    return changes;
  }));
  return json(nullptr);
}

Result<json> enable_alarm_actions(const Call& call) { return enable_actions(call, true); }
Result<json> disable_alarm_actions(const Call& call) { return enable_actions(call, false); }

}  // namespace zeropull::api::cloudwatch
