#include <nlohmann/json.hpp>

#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/tag_edits.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;
using state::View;

namespace {

// The caller's alarm with this ARN.
Result<state::Ptr<state::Alarm>> tagged(const Call& call, const View& view) {
  constexpr std::string_view kBeforeName = ":alarm:";
  auto arn = text_or(call.input, "ResourceARN");
  auto at = arn.find(kBeforeName);
  auto alarm = at == std::string::npos ? nullptr : view.alarm(call.named(std::string_view(arn).substr(at + kBeforeName.size())));
  if (alarm == nullptr || state::alarm_arn(call.parts.region, *alarm) != arn) {
    return make_error(Code::kNotFound, "The resource {} does not exist.", arn);
  }
  return alarm;
}

template <typename Edit>
Result<json> change_tags(const Call& call, Edit edit) {
  TRY(edit_tags(call, Code::kInvalidArgument, "alarm", tagged, edit));
  return json::object();
}

}  // namespace

Result<json> tag_alarm(const Call& call) {
  auto added = TRY(tags_of(call.input));
  return change_tags(call, [&](state::Tags& tags) { merge_tags(tags, added); });
}

Result<json> untag_alarm(const Call& call) {
  return change_tags(call, [&](state::Tags& tags) { erase_tags(tags, call.input["TagKeys"]); });
}

Result<json> list_alarm_tags(const Call& call) {
  auto alarm = TRY(tagged(call, call.state().view()));
  return json{{"Tags", tag_list(alarm->tags.begin(), alarm->tags.end())}};
}

}  // namespace zeropull::api::cloudwatch
