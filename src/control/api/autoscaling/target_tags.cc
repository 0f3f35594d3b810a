#include <nlohmann/json.hpp>

#include "control/api/autoscaling/operations.h"
#include "control/api/input.h"
#include "control/api/tag_edits.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::autoscaling {

using nlohmann::json;
using state::View;

namespace {

// The caller's target with this ARN.
Result<state::Ptr<state::ScalableTarget>> tagged(const Call& call, const View& view) {
  auto arn = text_or(call.input, "ResourceARN");
  auto target = view.scalable_target_by_id(arn.substr(arn.rfind('/') + 1));
  if (target == nullptr || target->account != call.account || state::target_arn(call.parts.region, *target) != arn) {
    return make_error(Code::kNotFound, "The scalable target {} does not exist.", arn);
  }
  return target;
}

template <typename Edit>
Result<json> change_tags(const Call& call, Edit edit) {
  TRY(edit_tags(call, Code::kResourceExhausted, "scalable target", tagged, edit));
  return json::object();
}

}  // namespace

Result<json> tag_target(const Call& call) {
  auto added = call.input["Tags"].get<state::Tags>();
  return change_tags(call, [&](state::Tags& tags) { merge_tags(tags, added); });
}

Result<json> untag_target(const Call& call) {
  return change_tags(call, [&](state::Tags& tags) { erase_tags(tags, call.input["TagKeys"]); });
}

Result<json> list_target_tags(const Call& call) {
  auto target = TRY(tagged(call, call.state().view()));
  return json{{"Tags", target->tags}};
}

}  // namespace zeropull::api::autoscaling
