#include <nlohmann/json.hpp>

#include "control/api/arns.h"
#include "control/api/autoscaling/resource.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/api/pages.h"
#include "control/api/specs.h"
#include "control/api/statuses.h"
#include "control/state/ids.h"

namespace zeropull::api {

using nlohmann::json;
using state::Changes;
using state::View;

Result<json> create_endpoint(const Call& call) {
  state::Endpoint endpoint;
  endpoint.account = call.account;
  endpoint.name = text_or(call.input, "EndpointName");
  endpoint.uid = state::random_hex(*call.parts.random, 16);
  endpoint.config_name = text_or(call.input, "EndpointConfigName");
  endpoint.created = endpoint.modified = call.now;
  endpoint.tags = TRY(tags_of(call.input));
  if (call.parts.make_endpoint_key) endpoint.wrapped_key = TRY(call.parts.make_endpoint_key(endpoint.uid));
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    if (auto other = view.endpoint_in_any_case(call.named(endpoint.name))) return already_exists(call, kEndpointArn, other->name);
    if (view.endpoints(call.account).size() >= kObjectsPerAccountMax) {
      return make_error(Code::kResourceExhausted, "The account has {} endpoints; delete some first.", kObjectsPerAccountMax);
    }
    auto config = view.endpoint_config(call.named(endpoint.config_name));
    if (config == nullptr) return not_found(call, kEndpointConfigArn, endpoint.config_name);
    endpoint.config_body = config->body;
    const auto config_body = parse_body(config->body);
    endpoint.variants = TRY(variants_of(call, view, config_body));
    endpoint.metrics = TRY(metrics_of(config_body));
    Changes changes;
    changes.add(endpoint);
    return changes;
  }));
  return json{{"EndpointArn", arn_of(call, kEndpointArn, endpoint.name)}};
}

Result<json> list_endpoints(const Call& call) {
  auto endpoints = call.state().view().endpoints(call.account);
  std::vector<PageRow> rows;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto& endpoint = *endpoints[i];
    rows.push_back({endpoint.name, status_name(endpoint.status), endpoint.created, endpoint.modified, i});
  }
  auto page = TRY(select_page(call.input, std::move(rows)));
  return page_answer("Endpoints", page, [&](std::size_t i) {
    const auto& endpoint = *endpoints[i];
    return json{{"EndpointName", endpoint.name},
                {"EndpointArn", arn_of(call, kEndpointArn, endpoint.name)},
                {"CreationTime", seconds_of(endpoint.created)},
                {"LastModifiedTime", seconds_of(endpoint.modified)},
                {"EndpointStatus", status_name(endpoint.status)}};
  });
}

// In any status, with its components and what scales them: what was under way is given up. A second call finds it Deleting and
// changes nothing.
Result<json> delete_endpoint(const Call& call) {
  auto name = text_or(call.input, "EndpointName");
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    auto endpoint = view.endpoint(call.named(name));
    if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
    Changes changes;
    for (const auto& component : view.components_of_endpoint(endpoint->uid)) {
      if (component->status == state::ComponentStatus::kDeleting) continue;
      state::Component next = *component;
      next.status = state::ComponentStatus::kDeleting;
      next.modified = call.now;
      changes.put(component, std::move(next));
    }
    if (endpoint->status != state::EndpointStatus::kDeleting) {
      autoscaling::remove_targets_of_endpoint(view, *endpoint, changes);
      state::Endpoint next = *endpoint;
      next.status = state::EndpointStatus::kDeleting;
      next.modified = call.now;
      changes.put(endpoint, std::move(next));
    }
    return changes;
  }));
  return json::object();
}

}  // namespace zeropull::api
