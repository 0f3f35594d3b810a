#include <nlohmann/json.hpp>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/api/pages.h"
#include "control/api/specs.h"

namespace zeropull::api {

using nlohmann::json;
using state::Changes;
using state::View;

Result<json> create_model(const Call& call) {
  if (!has(call.input, "PrimaryContainer")) return make_error(Code::kInvalidArgument, "A model needs a PrimaryContainer.");
  state::Model model;
  model.account = call.account;
  model.name = text_or(call.input, "ModelName");
  model.container = TRY(model_container(call.input["PrimaryContainer"]));
  model.body = body_of(call.input);
  model.role_arn = text_or(call.input, "ExecutionRoleArn");
  model.network_isolation = bool_or(call.input, "EnableNetworkIsolation", false);
  model.created = call.now;
  model.tags = TRY(tags_of(call.input));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    if (view.model(call.named(model.name)) != nullptr) return already_exists(call, kModelArn, model.name);
    if (view.models(call.account).size() >= kObjectsPerAccountMax) {
      return make_error(Code::kResourceExhausted, "The account has {} models; delete some first.", kObjectsPerAccountMax);
    }
    Changes changes;
    changes.add(model);
    return changes;
  }));
  return json{{"ModelArn", arn_of(call, kModelArn, model.name)}};
}

Result<json> describe_model(const Call& call) {
  auto name = text_or(call.input, "ModelName");
  auto model = call.state().view().model(call.named(name));
  if (model == nullptr) return not_found(call, kModelArn, name);
  auto answer = parse_body(model->body);
  answer["ModelArn"] = arn_of(call, kModelArn, name);
  answer["CreationTime"] = seconds_of(model->created);
  answer["EnableNetworkIsolation"] = model->network_isolation;
  answer["PrimaryContainer"].emplace("Mode", "SingleModel");
  return answer;
}

Result<json> list_models(const Call& call) {
  auto models = call.state().view().models(call.account);
  std::vector<PageRow> rows;
  for (std::size_t i = 0; i < models.size(); ++i) rows.push_back({models[i]->name, "", models[i]->created, 0, i});
  auto page = TRY(select_page(call.input, std::move(rows)));
  return page_answer("Models", page, [&](std::size_t i) {
    return json{{"ModelName", models[i]->name},
                {"ModelArn", arn_of(call, kModelArn, models[i]->name)},
                {"CreationTime", seconds_of(models[i]->created)}};
  });
}

Result<json> delete_model(const Call& call) {
  auto name = text_or(call.input, "ModelName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto model = view.model(call.named(name));
    if (model == nullptr) return not_found(call, kModelArn, name);
    Changes changes;
    changes.remove(model);
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api
