#include <cmath>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "control/api/autoscaling/limits.h"
#include "control/api/autoscaling/operations.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/autoscaling/selection.h"
#include "control/scaler/schedule.h"
#include "control/state/ids.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

constexpr std::array<const char*, 3> kKept{"Schedule", "Timezone", "ScalableTargetAction"};

Result<void> check(const json& body) {
  if (!has(body, "Schedule")) return make_error(Code::kInvalidArgument, "A scheduled action needs a Schedule.");
  TRY(scaler::Schedule::parse(text_or(body, "Schedule")));
  if (has(body, "Timezone")) TRY(scaler::TimeZone::load(text_or(body, "Timezone")));
  auto action = body.value("ScalableTargetAction", json::object());
  if (!has(action, "MinCapacity") && !has(action, "MaxCapacity")) {
    return make_error(Code::kInvalidArgument, "ScalableTargetAction needs a MinCapacity or a MaxCapacity.");
  }
  if (has(action, "MinCapacity") && has(action, "MaxCapacity") &&
      int_or(action, "MaxCapacity", 0) < int_or(action, "MinCapacity", 0)) {
    return make_error(Code::kInvalidArgument, "Maximum capacity cannot be less than minimum capacity.");
  }
  return {};
}

state::Millis time_of(const json& input, const char* name) {
  return has(input, name) ? std::llround(number_or(input, name, 0) * 1000) : 0;
}

json shown(const Call& call, const state::ScheduledAction& action) {
  auto answer = parse_body(action.body);
  answer["ScheduledActionName"] = action.name;
  answer["ScheduledActionARN"] = state::scheduled_action_arn(call.parts.region, action);
  answer["ServiceNamespace"] = kServiceNamespace;
  answer["ResourceId"] = action.resource_id;
  answer["ScalableDimension"] = action.dimension;
  answer["CreationTime"] = seconds_of(action.created);
  if (action.start != 0) answer["StartTime"] = seconds_of(action.start);
  if (action.end != 0) answer["EndTime"] = seconds_of(action.end);
  return answer;
}

}  // namespace

// What an update does not give stays as it was, but for StartTime and EndTime, which go.
Result<json> put_scheduled_action(const Call& call) {
  auto identity = TRY(identity_of(call));
  auto name = text_or(call.input, "ScheduledActionName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto target = TRY(registered(view, identity));
    auto was = view.scheduled_action(identity.scaled(), name);
    auto next = next_of(call, identity, was);
    if (was == nullptr) {
      next.name = name;
      next.id = state::random_uuid(*call.parts.random);
      if (view.scheduled_actions(identity.scaled()).size() >= kScheduledActionsPerTargetMax) {
        return make_error(Code::kResourceExhausted, "The scalable target has {} scheduled actions; delete some first.",
                          kScheduledActionsPerTargetMax);
      }
    }
    auto body = parse_body(next.body);
    for (const auto* member : kKept) {
      if (has(call.input, member)) body[member] = call.input[member];
    }
    TRY(check(body));
    next.body = codec::json_text(body);
    next.start = time_of(call.input, "StartTime");
    next.end = time_of(call.input, "EndTime");
    next.configured = call.now;
    if (next.end != 0 && next.end <= next.start) {
      return make_error(Code::kInvalidArgument, "EndTime must be after StartTime.");
    }
    Changes changes;
    changes.expect(target);
    changes.put_or_add(was, std::move(next));
    return changes;
  }));
  return json::object();
}

Result<json> describe_scheduled_actions(const Call& call) {
  auto actions = call.state().view().scheduled_actions(call.account);
  TRY(keep_selected(call, "ScheduledActionNames", actions));
  return listed(call, "ScheduledActions", actions, kPageDefault,
                [&](const state::ScheduledAction& action) { return shown(call, action); });
}

Result<json> delete_scheduled_action(const Call& call) {
  auto identity = TRY(identity_of(call));
  auto name = text_or(call.input, "ScheduledActionName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto action = view.scheduled_action(identity.scaled(), name);
    if (action == nullptr) {
      return make_error(Code::kNotFound, "No scheduled action found for {}, scheduled action name: {}", identity.text(), name);
    }
    Changes changes;
    changes.remove(action);
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api::autoscaling
