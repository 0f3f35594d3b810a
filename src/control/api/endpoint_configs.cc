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

Result<json> create_endpoint_config(const Call& call) {
  state::EndpointConfig config;
  config.account = call.account;
  config.name = text_or(call.input, "EndpointConfigName");
  config.body = body_of(call.input);
  config.created = call.now;
  config.tags = TRY(tags_of(call.input));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    if (view.endpoint_config(call.named(config.name)) != nullptr) return already_exists(call, kEndpointConfigArn, config.name);
    if (view.endpoint_configs(call.account).size() >= kObjectsPerAccountMax) {
      return make_error(Code::kResourceExhausted, "The account has {} endpoint configurations; delete some first.",
                        kObjectsPerAccountMax);
    }
    TRY(variants_of(call, view, call.input));
    TRY(metrics_of(call.input));
    Changes changes;
    changes.add(config);
    return changes;
  }));
  return json{{"EndpointConfigArn", arn_of(call, kEndpointConfigArn, config.name)}};
}

Result<json> describe_endpoint_config(const Call& call) {
  auto name = text_or(call.input, "EndpointConfigName");
  auto config = call.state().view().endpoint_config(call.named(name));
  if (config == nullptr) return not_found(call, kEndpointConfigArn, name);
  auto answer = parse_body(config->body);
  answer["EndpointConfigArn"] = arn_of(call, kEndpointConfigArn, name);
  answer["CreationTime"] = seconds_of(config->created);
  answer.emplace("EnableNetworkIsolation", false);
  for (auto& variant : answer["ProductionVariants"]) variant.emplace("InitialVariantWeight", 1.0);
  return answer;
}

Result<json> list_endpoint_configs(const Call& call) {
  auto configs = call.state().view().endpoint_configs(call.account);
  std::vector<PageRow> rows;
  for (std::size_t i = 0; i < configs.size(); ++i) rows.push_back({configs[i]->name, "", configs[i]->created, 0, i});
  auto page = TRY(select_page(call.input, std::move(rows)));
  return page_answer("EndpointConfigs", page, [&](std::size_t i) {
    return json{{"EndpointConfigName", configs[i]->name},
                {"EndpointConfigArn", arn_of(call, kEndpointConfigArn, configs[i]->name)},
                {"CreationTime", seconds_of(configs[i]->created)}};
  });
}

// In use or not: endpoints keep their own copies.
Result<json> delete_endpoint_config(const Call& call) {
  auto name = text_or(call.input, "EndpointConfigName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto config = view.endpoint_config(call.named(name));
    if (config == nullptr) return not_found(call, kEndpointConfigArn, name);
    Changes changes;
    changes.remove(config);
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api
