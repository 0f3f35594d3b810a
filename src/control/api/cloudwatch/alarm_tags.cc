#include <nlohmann/json.hpp>

#include "control/api/cloudwatch/operations.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/state/scaling_names.h"

namespace zeropull::api::cloudwatch {

using nlohmann::json;
using state::Changes;
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
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto alarm = TRY(tagged(call, view));
    state::Alarm next = *alarm;
    edit(next.tags);
    if (next.tags.size() > kTagsMax) {
      return make_error(Code::kInvalidArgument, "The alarm would have {} tags; at most {} are allowed.", next.tags.size(),
                        kTagsMax);
    }
    Changes changes;
    changes.put(alarm, std::move(next));
    return changes;
  }));
  return json::object();
}

}  // namespace

Result<json> tag_alarm(const Call& call) {
  auto added = TRY(tags_of(call.input));
  return change_tags(call, [&](state::Tags& tags) {
    for (const auto& [key, value] : added) tags[key] = value;
  });
}

Result<json> untag_alarm(const Call& call) {
  return change_tags(call, [&](state::Tags& tags) {
    for (const auto& key : call.input["TagKeys"]) tags.erase(key.get_ref<const std::string&>());
  });
}

Result<json> list_alarm_tags(const Call& call) {
  auto alarm = TRY(tagged(call, call.state().view()));
  auto list = json::array();
  for (const auto& [key, value] : alarm->tags) list.push_back({{"Key", key}, {"Value", value}});
  return json{{"Tags", std::move(list)}};
}

}  // namespace zeropull::api::cloudwatch
