// Operations: what each call of the API does with validated input. Reads come from State's memory. Writes change what is desired
// (a record, a status Creating, Updating or Deleting) and return; the reconcilers do the rest. One table maps names to functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/result.h"
#include "control/api/api.h"
#include "control/state/state.h"

namespace zeropull::api {

// One call. Errors of an operation carry the message that the caller reads; which error of the service a code becomes is in
// service.cc. An operation that returns nothing returns null.
struct Call {
  const Context& ctx;
  const ApiParts& parts;
  const std::string& account;
  const nlohmann::json& input;  // valid by the operation's shape
  state::Millis now;

  state::State& state() const { return *parts.state; }
  state::Named named(std::string_view name) const { return {account, name}; }
};
using Operation = Result<nlohmann::json> (*)(const Call& call);

// nullptr: there is no such operation.
Operation find_operation(std::string_view name);

// models.cc
Result<nlohmann::json> create_model(const Call& call);
Result<nlohmann::json> describe_model(const Call& call);
Result<nlohmann::json> list_models(const Call& call);
Result<nlohmann::json> delete_model(const Call& call);
// endpoint_configs.cc
Result<nlohmann::json> create_endpoint_config(const Call& call);
Result<nlohmann::json> describe_endpoint_config(const Call& call);
Result<nlohmann::json> list_endpoint_configs(const Call& call);
Result<nlohmann::json> delete_endpoint_config(const Call& call);
// endpoints.cc, describe_endpoint.cc, update_endpoint.cc
Result<nlohmann::json> create_endpoint(const Call& call);
Result<nlohmann::json> describe_endpoint(const Call& call);
Result<nlohmann::json> list_endpoints(const Call& call);
Result<nlohmann::json> update_endpoint(const Call& call);
Result<nlohmann::json> update_endpoint_weights_and_capacities(const Call& call);
Result<nlohmann::json> delete_endpoint(const Call& call);
// components.cc, describe_component.cc
Result<nlohmann::json> create_component(const Call& call);
Result<nlohmann::json> describe_component(const Call& call);
Result<nlohmann::json> list_components(const Call& call);
Result<nlohmann::json> update_component(const Call& call);
Result<nlohmann::json> update_component_runtime_config(const Call& call);
Result<nlohmann::json> delete_component(const Call& call);
// tags.cc
Result<nlohmann::json> add_tags(const Call& call);
Result<nlohmann::json> list_tags(const Call& call);
Result<nlohmann::json> delete_tags(const Call& call);
// fleet_operations.cc: Zeropull's own
Result<nlohmann::json> list_instances(const Call& call);
Result<nlohmann::json> describe_timeline(const Call& call);
Result<nlohmann::json> describe_caches(const Call& call);
Result<nlohmann::json> get_logs(const Call& call);
// scaling_report.cc: Zeropull's own
Result<nlohmann::json> describe_scaling(const Call& call);

}  // namespace zeropull::api
