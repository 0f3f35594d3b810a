// From validated input to what the reconcilers decide by: containers, variants and component specifications. The rules between
// members that no shape can say are here; errors are kInvalidArgument, or kNotFound for a model that is not there. Reads the
// view, writes nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "control/api/operations.h"

namespace zeropull::api {

// Of CreateModel's PrimaryContainer.
Result<state::Container> model_container(const nlohmann::json& definition);
// Of CreateEndpointConfig's input, or of its body as it was kept: models are looked up, and instance types.
Result<std::vector<state::Variant>> variants_of(const Call& call, const state::View& view, const nlohmann::json& config);
// Of the same's MetricsConfig.
Result<state::MetricsSettings> metrics_of(const nlohmann::json& config);
// Of `Specification` or `Specifications` of a component on this variant. A specification that fits on none of the variant's
// types, ever, is refused with what it asks for and what the type has.
Result<std::vector<state::ComponentSpec>> specs_of(const Call& call, const state::View& view, const state::Variant& variant);

}  // namespace zeropull::api
