#include "control/api/operations.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace zeropull::api {

namespace {

struct Entry {
  std::string_view name;
  Operation run;
};

constexpr std::array kEntries{
    Entry{"CreateModel", create_model},
    Entry{"DescribeModel", describe_model},
    Entry{"ListModels", list_models},
    Entry{"DeleteModel", delete_model},
    Entry{"CreateEndpointConfig", create_endpoint_config},
    Entry{"DescribeEndpointConfig", describe_endpoint_config},
    Entry{"ListEndpointConfigs", list_endpoint_configs},
    Entry{"DeleteEndpointConfig", delete_endpoint_config},
    Entry{"CreateEndpoint", create_endpoint},
    Entry{"DescribeEndpoint", describe_endpoint},
    Entry{"ListEndpoints", list_endpoints},
    Entry{"UpdateEndpoint", update_endpoint},
    Entry{"UpdateEndpointWeightsAndCapacities", update_endpoint_weights_and_capacities},
    Entry{"DeleteEndpoint", delete_endpoint},
    Entry{"CreateInferenceComponent", create_component},
    Entry{"DescribeInferenceComponent", describe_component},
    Entry{"ListInferenceComponents", list_components},
    Entry{"UpdateInferenceComponent", update_component},
    Entry{"UpdateInferenceComponentRuntimeConfig", update_component_runtime_config},
    Entry{"DeleteInferenceComponent", delete_component},
    Entry{"AddTags", add_tags},
    Entry{"ListTags", list_tags},
    Entry{"DeleteTags", delete_tags},
    Entry{"Zeropull.ListInstances", list_instances},
    Entry{"Zeropull.DescribeTimeline", describe_timeline},
    Entry{"Zeropull.DescribeCaches", describe_caches},
    Entry{"Zeropull.GetLogs", get_logs},
};

}  // namespace

Operation find_operation(std::string_view name) {
  const auto* found = std::ranges::find(kEntries, name, &Entry::name);
  return found == kEntries.end() ? nullptr : found->run;
}

}  // namespace zeropull::api
