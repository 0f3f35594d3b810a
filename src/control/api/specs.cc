#include "control/api/specs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/limits.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

Error invalid(std::string text) { return make_error(Code::kInvalidArgument, "{}", text); }

Result<std::map<std::string, std::string>> environment_of(const json& container) {
  std::map<std::string, std::string> environment;
  if (!has(container, "Environment")) return environment;
  std::size_t bytes = 0;
  for (const auto& [key, value] : container["Environment"].items()) {
    bytes += key.size() + value.get_ref<const std::string&>().size();
    environment.emplace(key, value.get<std::string>());
  }
  if (bytes > kEnvironmentBytesMax) {
    return invalid(
        fmt::format("Environment has {} bytes of keys and values; at most {} are allowed.", bytes, kEnvironmentBytesMax));
  }
  return environment;
}

// 0: not said.
Result<int> publish_seconds(const json& given) {
  constexpr std::array kKnown{10, 30, 60, 120, 180, 240, 300};
  const int seconds = int_or(given, "MetricPublishFrequencyInSeconds", 0);
  if (has(given, "MetricPublishFrequencyInSeconds") && std::ranges::find(kKnown, seconds) == kKnown.end()) {
    return invalid(fmt::format("MetricPublishFrequencyInSeconds {} is none of {}.", seconds, fmt::join(kKnown, ", ")));
  }
  return seconds;
}

Result<state::ContainerMetrics> container_metrics(const json& container) {
  state::ContainerMetrics metrics;
  if (!has(container, "ContainerMetricsConfig")) return metrics;
  const auto& given = container["ContainerMetricsConfig"];
  if (!has(given, "MetricsEndpoints") || given["MetricsEndpoints"].empty()) return metrics;
  const auto& endpoint = given["MetricsEndpoints"][0];
  metrics.path = text_or(endpoint, "MetricsEndpointPath", "/metrics");
  metrics.publish_s = TRY(publish_seconds(endpoint));
  return metrics;
}

Result<state::ModelData> model_data_of(const json& source) {
  state::ModelData data{text_or(source, "S3Uri"), text_or(source, "S3DataType") == "S3Prefix",
                        text_or(source, "CompressionType") == "Gzip"};
  if (data.prefix && data.gzip) {
    return invalid("CompressionType Gzip needs S3DataType S3Object: one archive, which is unpacked.");
  }
  return data;
}

Result<const fleet::InstanceType*> known_type(const Call& call, const std::string& name) {
  return call.parts.instance_types->require(name);
}

Result<void> require_model(const Call& call, const state::View& view, const std::string& name) {
  if (!name.empty() && view.model(call.named(name)) == nullptr) return not_found(call, kModelArn, name);
  return {};
}

Result<std::vector<state::InstancePool>> pools_of(const Call& call, const state::View& view, const json& variant) {
  auto name = text_or(variant, "VariantName");
  if (has(variant, "InstanceType") == has(variant, "InstancePools")) {
    return invalid(fmt::format("Variant \"{}\" needs either InstanceType or InstancePools.", name));
  }
  std::vector<state::InstancePool> pools;
  if (has(variant, "InstanceType")) {
    pools.push_back({text_or(variant, "InstanceType"), 1, ""});
  } else {
    for (const auto& pool : variant["InstancePools"]) {
      pools.push_back({text_or(pool, "InstanceType"), int_or(pool, "Priority", 1), text_or(pool, "ModelNameOverride")});
    }
  }
  std::set<std::string> types;
  std::set<int> priorities;
  for (const auto& pool : pools) {
    TRY(known_type(call, pool.instance_type));
    TRY(require_model(call, view, pool.model_override));
    if (!types.insert(pool.instance_type).second || !priorities.insert(pool.priority).second) {
      return invalid(fmt::format("InstancePools of variant \"{}\" need an InstanceType and a Priority each of their own.", name));
    }
    if (!pool.model_override.empty() && !has(variant, "ModelName")) {
      return invalid(fmt::format("ModelNameOverride in variant \"{}\" needs a ModelName that it stands in for.", name));
    }
  }
  std::ranges::sort(pools, {}, &state::InstancePool::priority);
  return pools;
}

Result<state::ManagedScaling> scaling_of(const json& variant) {
  state::ManagedScaling scaling;
  if (!has(variant, "ManagedInstanceScaling")) return scaling;
  const auto& given = variant["ManagedInstanceScaling"];
  scaling.enabled = text_or(given, "Status", "DISABLED") == "ENABLED";
  scaling.min = int_or(given, "MinInstanceCount", 0);
  scaling.max = int_or(given, "MaxInstanceCount", std::max({1, scaling.min, int_or(variant, "InitialInstanceCount", 1)}));
  if (scaling.enabled && has(variant, "ModelName")) {
    return invalid("ManagedInstanceScaling is only supported for inference component endpoints.");
  }
  if (scaling.min > scaling.max) {
    return invalid(fmt::format("MinInstanceCount {} is greater than MaxInstanceCount {}.", scaling.min, scaling.max));
  }
  int initial = int_or(variant, "InitialInstanceCount", scaling.min);
  if (scaling.enabled && (initial < scaling.min || initial > scaling.max)) {
    return invalid(fmt::format("InitialInstanceCount {} is not within MinInstanceCount {} and MaxInstanceCount {}.", initial,
                               scaling.min, scaling.max));
  }
  return scaling;
}

Result<state::Variant> variant_of(const Call& call, const state::View& view, const json& config, const json& given) {
  state::Variant variant;
  variant.name = text_or(given, "VariantName");
  variant.model_name = text_or(given, "ModelName");
  TRY(require_model(call, view, variant.model_name));
  variant.pools = TRY(pools_of(call, view, given));
  variant.scaling = TRY(scaling_of(given));
  variant.desired_instances = int_or(given, "InitialInstanceCount", variant.scaling.enabled ? variant.scaling.min : 1);
  variant.desired_weight = number_or(given, "InitialVariantWeight", 1);
  variant.current_weight = variant.desired_weight;
  if (has(given, "RoutingConfig") && text_or(given["RoutingConfig"], "RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS") {
    variant.routing = state::Routing::kLeastOutstanding;
  }
  variant.download_timeout_s = int_or(given, "ModelDataDownloadTimeoutInSeconds", 0);
  variant.start_timeout_s = int_or(given, "ContainerStartupHealthCheckTimeoutInSeconds", 0);
  variant.provision_timeout_s = int_or(given, "VariantInstanceProvisionTimeoutInSeconds", 0);
  variant.network_isolation = bool_or(config, "EnableNetworkIsolation", false);
  return variant;
}

Result<state::Container> component_container(const json& given) {
  state::Container container;
  container.image = text_or(given, "Image");
  if (container.image.empty()) return invalid("Container needs an Image.");
  container.environment = TRY(environment_of(given));
  container.metrics = TRY(container_metrics(given));
  if (has(given, "ArtifactUrl")) container.model = {text_or(given, "ArtifactUrl"), false, true};
  return container;
}

Result<void> read_resources(const json& given, state::ComponentSpec& spec) {
  if (!has(given, "ComputeResourceRequirements")) {
    return invalid("Specification needs ComputeResourceRequirements with MinMemoryRequiredInMb.");
  }
  const auto& resources = given["ComputeResourceRequirements"];
  spec.cpu_cores = number_or(resources, "NumberOfCpuCoresRequired", 0);
  spec.accelerators = number_or(resources, "NumberOfAcceleratorDevicesRequired", 0);
  spec.memory_min_mb = int_or(resources, "MinMemoryRequiredInMb", 0);
  spec.memory_max_mb = int_or(resources, "MaxMemoryRequiredInMb", 0);
  if (spec.accelerators != std::floor(spec.accelerators)) {
    return invalid(fmt::format("NumberOfAcceleratorDevicesRequired {} is not a whole number of devices.", spec.accelerators));
  }
  if (spec.memory_max_mb != 0 && spec.memory_max_mb < spec.memory_min_mb) {
    return invalid(
        fmt::format("MaxMemoryRequiredInMb {} is less than MinMemoryRequiredInMb {}.", spec.memory_max_mb, spec.memory_min_mb));
  }
  return {};
}

Result<state::ComponentSpec> spec_of(const Call& call, const state::View& view, const json& given) {
  state::ComponentSpec spec;
  spec.instance_type = text_or(given, "InstanceType");
  if (has(given, "ModelName") == has(given, "Container")) return invalid("Specification needs either ModelName or Container.");
  if (has(given, "ModelName")) {
    spec.model_name = text_or(given, "ModelName");
    auto model = view.model(call.named(spec.model_name));
    if (model == nullptr) return not_found(call, kModelArn, spec.model_name);
    spec.container = model->container;
    spec.network_isolation = model->network_isolation;
  } else {
    spec.container = TRY(component_container(given["Container"]));
  }
  TRY(read_resources(given, spec));
  if (has(given, "StartupParameters")) {
    spec.download_timeout_s = int_or(given["StartupParameters"], "ModelDataDownloadTimeoutInSeconds", 0);
    spec.start_timeout_s = int_or(given["StartupParameters"], "ContainerStartupHealthCheckTimeoutInSeconds", 0);
  }
  if (has(given, "DataCacheConfig")) spec.data_cache = bool_or(given["DataCacheConfig"], "EnableCaching", false);
  if (has(given, "SchedulingConfig") && text_or(given["SchedulingConfig"], "PlacementStrategy") == "BINPACK") {
    spec.placement = state::Placement::kBinpack;
  }
  return spec;
}

// Whether it could run on an empty instance of one of the types that it may run on.
Result<void> require_fit(const Call& call, const state::Variant& variant, const state::ComponentSpec& spec) {
  fleet::Resources need{spec.accelerators, spec.cpu_cores, spec.memory_min_mb};
  std::string shortfalls;
  for (const auto& pool : variant.pools) {
    if (!spec.instance_type.empty() && spec.instance_type != pool.instance_type) continue;
    const auto* type = TRY(known_type(call, pool.instance_type));
    auto offered = type->schedulable();
    if (offered.covers(need)) return {};
    shortfalls += fmt::format("; {} has {}", pool.instance_type, offered.describe());
  }
  return invalid(fmt::format("The inference component can never fit on an instance of variant \"{}\": a copy asks for {}{}.",
                             variant.name, need.describe(), shortfalls));
}

}  // namespace

Result<state::Container> model_container(const json& definition) {
  state::Container container;
  container.image = text_or(definition, "Image");
  if (container.image.empty()) return invalid("PrimaryContainer needs an Image.");
  container.environment = TRY(environment_of(definition));
  container.metrics = TRY(container_metrics(definition));
  if (has(definition, "ModelDataUrl") && has(definition, "ModelDataSource")) {
    return invalid("PrimaryContainer needs either ModelDataUrl or ModelDataSource, not both.");
  }
  if (has(definition, "ModelDataUrl")) container.model = {text_or(definition, "ModelDataUrl"), false, true};
  if (has(definition, "ModelDataSource")) container.model = TRY(model_data_of(definition["ModelDataSource"]["S3DataSource"]));
  return container;
}

Result<std::vector<state::Variant>> variants_of(const Call& call, const state::View& view, const json& config) {
  std::vector<state::Variant> variants;
  std::set<std::string> names;
  for (const auto& given : config["ProductionVariants"]) {
    auto variant = TRY(variant_of(call, view, config, given));
    if (!names.insert(variant.name).second) {
      return invalid(fmt::format("The variant name \"{}\" was non-unique within the request.", variant.name));
    }
    if (!variants.empty() && variants[0].model_name.empty() != variant.model_name.empty()) {
      return invalid("Either every variant has a ModelName, or none has: an endpoint of inference components.");
    }
    variants.push_back(std::move(variant));
  }
  return variants;
}

Result<state::MetricsSettings> metrics_of(const json& config) {
  state::MetricsSettings metrics;
  if (!has(config, "MetricsConfig")) return metrics;
  const auto& given = config["MetricsConfig"];
  metrics.enhanced = bool_or(given, "EnableEnhancedMetrics", false);
  metrics.publish_s = TRY(publish_seconds(given));
  if (has(given, "EnableDetailedObservability")) {
    const bool all = bool_or(given, "EnableDetailedObservability", true);
    metrics.scraping = all ? state::Scraping::kAll : state::Scraping::kNone;
  }
  return metrics;
}

Result<std::vector<state::ComponentSpec>> specs_of(const Call& call, const state::View& view, const state::Variant& variant) {
  if (has(call.input, "Specification") == has(call.input, "Specifications")) {
    return invalid("The request needs either Specification or Specifications.");
  }
  auto given = has(call.input, "Specification") ? json::array({call.input["Specification"]}) : call.input["Specifications"];
  std::vector<state::ComponentSpec> specs;
  std::set<std::string> types;
  for (const auto& one : given) {
    auto spec = TRY(spec_of(call, view, one));
    if (given.size() > 1 && spec.instance_type.empty()) return invalid("Each of several Specifications needs an InstanceType.");
    if (!types.insert(spec.instance_type).second) {
      return invalid(fmt::format("The instance type \"{}\" was non-unique within the Specifications.", spec.instance_type));
    }
    if (!spec.instance_type.empty() &&
        std::ranges::find(variant.pools, spec.instance_type, &state::InstancePool::instance_type) == variant.pools.end()) {
      return invalid(fmt::format("Variant \"{}\" has no instances of type \"{}\".", variant.name, spec.instance_type));
    }
    TRY(require_fit(call, variant, spec));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace zeropull::api
