// Operations of Application Auto Scaling; see ../operations.h. They write records of scaling and evaluate nothing: the
// autoscaler does.
#pragma once

#include "control/api/operations.h"

namespace zeropull::api::autoscaling {

// targets.cc
Result<nlohmann::json> register_target(const Call& call);
Result<nlohmann::json> describe_targets(const Call& call);
Result<nlohmann::json> deregister_target(const Call& call);
// policies.cc
Result<nlohmann::json> put_policy(const Call& call);
Result<nlohmann::json> describe_policies(const Call& call);
Result<nlohmann::json> delete_policy(const Call& call);
// scheduled_actions.cc
Result<nlohmann::json> put_scheduled_action(const Call& call);
Result<nlohmann::json> describe_scheduled_actions(const Call& call);
Result<nlohmann::json> delete_scheduled_action(const Call& call);
// activities.cc
Result<nlohmann::json> describe_activities(const Call& call);
// target_tags.cc
Result<nlohmann::json> tag_target(const Call& call);
Result<nlohmann::json> untag_target(const Call& call);
Result<nlohmann::json> list_target_tags(const Call& call);

}  // namespace zeropull::api::autoscaling
