// What a View says of scaling.
#include "control/state/tables.h"

namespace zeropull::state {

namespace {

std::string of_resource(std::string_view kind, const Scaled& scaled) {
  return fmt::format("{}/{}/{}/{}/", kind, scaled.account, scaled.dimension, scaled.resource_id);
}

}  // namespace

Ptr<ScalableTarget> View::scalable_target(const Scaled& scaled) const {
  return tables_->find<ScalableTarget>(
      fmt::format("scalable-target/{}/{}/{}", scaled.account, scaled.dimension, scaled.resource_id));
}
Ptr<ScalableTarget> View::scalable_target_by_id(std::string_view id) const {
  return tables_->indexed_one<ScalableTarget>(fmt::format("{}/{}", kTargetById, id));
}
List<ScalableTarget> View::scalable_targets() const { return tables_->with_prefix<ScalableTarget>("scalable-target/"); }
List<ScalableTarget> View::scalable_targets(std::string_view account) const {
  return tables_->with_prefix<ScalableTarget>(of_account("scalable-target", account));
}

Ptr<ScalingPolicy> View::scaling_policy(const Scaled& scaled, std::string_view name) const {
  return tables_->find<ScalingPolicy>(of_resource("scaling-policy", scaled) + key_text(name));
}
Ptr<ScalingPolicy> View::scaling_policy_by_id(std::string_view id) const {
  return tables_->indexed_one<ScalingPolicy>(fmt::format("{}/{}", kPolicyById, id));
}
List<ScalingPolicy> View::scaling_policies() const { return tables_->with_prefix<ScalingPolicy>("scaling-policy/"); }
List<ScalingPolicy> View::scaling_policies(std::string_view account) const {
  return tables_->with_prefix<ScalingPolicy>(of_account("scaling-policy", account));
}
List<ScalingPolicy> View::scaling_policies(const Scaled& scaled) const {
  return tables_->with_prefix<ScalingPolicy>(of_resource("scaling-policy", scaled));
}

Ptr<ScheduledAction> View::scheduled_action(const Scaled& scaled, std::string_view name) const {
  return tables_->find<ScheduledAction>(of_resource("scheduled-action", scaled) + key_text(name));
}
List<ScheduledAction> View::scheduled_actions() const { return tables_->with_prefix<ScheduledAction>("scheduled-action/"); }
List<ScheduledAction> View::scheduled_actions(std::string_view account) const {
  return tables_->with_prefix<ScheduledAction>(of_account("scheduled-action", account));
}
List<ScheduledAction> View::scheduled_actions(const Scaled& scaled) const {
  return tables_->with_prefix<ScheduledAction>(of_resource("scheduled-action", scaled));
}

Ptr<Alarm> View::alarm(Named name) const { return tables_->find<Alarm>(of_account("alarm", name.account) + key_text(name.name)); }
List<Alarm> View::alarms() const { return tables_->with_prefix<Alarm>("alarm/"); }
List<Alarm> View::alarms(std::string_view account, std::string_view name_prefix) const {
  return tables_->with_prefix<Alarm>(of_account("alarm", account) + key_text(name_prefix));
}
List<Alarm> View::alarms_of_policy(std::string_view policy_id) const {
  return tables_->indexed<Alarm>(fmt::format("{}/{}", kAlarmOfPolicy, policy_id));
}

List<ScalingActivity> View::scaling_activities(const Scaled& scaled) const {
  return tables_->with_prefix<ScalingActivity>(of_resource("scaling-activity", scaled));
}
List<ScalingActivity> View::scaling_activities(std::string_view account) const {
  return tables_->with_prefix<ScalingActivity>(of_account("scaling-activity", account));
}
List<ScalingActivity> View::scaling_activities() const { return tables_->with_prefix<ScalingActivity>("scaling-activity/"); }

}  // namespace zeropull::state
