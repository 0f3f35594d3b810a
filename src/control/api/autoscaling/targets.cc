#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/api/autoscaling/limits.h"
#include "control/api/autoscaling/operations.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/autoscaling/selection.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/state/ids.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using state::Changes;
using state::View;

namespace {

void suspend(const json& input, state::ScalableTarget& target) {
  if (!has(input, "SuspendedState")) return;
  const auto& suspended = input["SuspendedState"];
  target.in_suspended = bool_or(suspended, "DynamicScalingInSuspended", target.in_suspended);
  target.out_suspended = bool_or(suspended, "DynamicScalingOutSuspended", target.out_suspended);
  target.scheduled_suspended = bool_or(suspended, "ScheduledScalingSuspended", target.scheduled_suspended);
}

Result<void> check_bounds(const Call& call, const state::ScalableTarget& target, bool is_new) {
  if (is_new && (!has(call.input, "MinCapacity") || !has(call.input, "MaxCapacity"))) {
    return make_error(Code::kInvalidArgument, "A scalable target needs MinCapacity and MaxCapacity when it is registered first.");
  }
  if (target.capacity_max < target.capacity_min) {
    return make_error(Code::kInvalidArgument, "Maximum capacity {} cannot be less than minimum capacity {}.", target.capacity_max,
                      target.capacity_min);
  }
  if (!is_new && has(call.input, "Tags")) {
    return make_error(Code::kInvalidArgument, "The scalable target is registered already; use TagResource to tag it.");
  }
  return {};
}

std::string service_role(std::string_view account) {
  return fmt::format(
      "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
      "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
      account);
}

json shown(const Call& call, const state::ScalableTarget& target) {
  return {{"ServiceNamespace", kServiceNamespace},
          {"ResourceId", target.resource_id},
          {"ScalableDimension", target.dimension},
          {"MinCapacity", target.capacity_min},
          {"MaxCapacity", target.capacity_max},
          {"RoleARN", target.role_arn.empty() ? service_role(target.account) : target.role_arn},
          {"CreationTime", seconds_of(target.created)},
          {"SuspendedState",
           {{"DynamicScalingInSuspended", target.in_suspended},
            {"DynamicScalingOutSuspended", target.out_suspended},
            {"ScheduledScalingSuspended", target.scheduled_suspended}}},
          {"ScalableTargetARN", state::target_arn(call.parts.region, target)}};
}

}  // namespace

Result<json> register_target(const Call& call) {
  auto identity = TRY(identity_of(call));
  std::string arn;
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto was = view.scalable_target(identity.scaled());
    auto next = next_of(call, identity, was);
    if (was == nullptr) {
      next.id = state::random_hex(*call.parts.random, 18);
      if (has(call.input, "Tags")) next.tags = call.input["Tags"].get<state::Tags>();
      if (view.scalable_targets(call.account).size() >= kTargetsPerAccountMax) {
        return make_error(Code::kResourceExhausted, "The account has {} scalable targets; deregister some first.",
                          kTargetsPerAccountMax);
      }
    }
    next.capacity_min = int_or(call.input, "MinCapacity", next.capacity_min);
    next.capacity_max = int_or(call.input, "MaxCapacity", next.capacity_max);
    next.role_arn = text_or(call.input, "RoleARN", next.role_arn);
    suspend(call.input, next);
    TRY(check_bounds(call, next, was == nullptr));
    arn = state::target_arn(call.parts.region, next);
    Changes changes;
    TRY(force_capacity(call, view, next, changes));
    changes.put_or_add(was, std::move(next));
    return changes;
  }));
  return json{{"ScalableTargetARN", arn}};
}

Result<json> describe_targets(const Call& call) {
  std::set<std::string> ids;
  if (has(call.input, "ResourceIds")) ids = call.input["ResourceIds"].get<std::set<std::string>>();
  auto dimension = text_or(call.input, "ScalableDimension");
  if (!dimension.empty() && ids.empty()) return needs_resource("ResourceIds");
  auto targets = call.state().view().scalable_targets(call.account);
  std::erase_if(targets, [&](const auto& target) {
    return (!ids.empty() && !ids.contains(target->resource_id)) || (!dimension.empty() && target->dimension != dimension);
  });
  return listed(call, "ScalableTargets", targets, kPageDefault,
                [&](const state::ScalableTarget& target) { return shown(call, target); });
}

Result<json> deregister_target(const Call& call) {
  auto identity = TRY(identity_of(call));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto target = view.scalable_target(identity.scaled());
    if (target == nullptr) return make_error(Code::kNotFound, "No scalable target found for {}", identity.text());
    Changes changes;
    remove_targets(view, {target}, changes);
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api::autoscaling
