#include "control/scraper/targets.h"

#include "control/fleet/component_goal.h"
#include "control/fleet/steps.h"
#include "control/scraper/limits.h"

namespace zeropull::scraper {

using namespace state;

namespace {

int seconds_between(const MetricsSettings& endpoint, const ContainerMetrics& container) {
  if (container.publish_s > 0) return container.publish_s;
  return container.path.empty() && endpoint.publish_s > 0 ? endpoint.publish_s : kPublishDefaultS;
}

Target target_of(const Endpoint& endpoint, const Component& component, const Copy& copy, const ContainerMetrics& container) {
  Target target{.copy_id = copy.id, .account = endpoint.account, .address = copy.address};
  target.path = container.path.empty() ? kPathDefault : container.path;
  target.every_s = seconds_between(endpoint.metrics, container);
  target.dimensions = {
      {"EndpointName", endpoint.name}, {"VariantName", copy.variant}, {"InstanceId", copy.instance_id}, {"ContainerId", copy.id}};
  if (component.implicit) {
    target.of_variant = {{"EndpointName", endpoint.name}, {"VariantName", copy.variant}};
  } else {
    target.of_variant = {{"InferenceComponentName", component.name}};
    target.dimensions["InferenceComponentName"] = component.name;
  }
  target.labels = {{"account", endpoint.account},  {"endpoint", endpoint.name},
                   {"variant", copy.variant},      {"component", component.implicit ? "" : component.name},
                   {"instance", copy.instance_id}, {"container", copy.id}};
  return target;
}

}  // namespace

std::vector<Target> targets_of(const View& view) {
  std::vector<Target> targets;
  for (const auto& endpoint : view.endpoints()) {
    if (endpoint->metrics.scraping == Scraping::kNone || endpoint->status == EndpointStatus::kDeleting) continue;
    for (const auto& component : view.components_of_endpoint(endpoint->uid)) {
      for (const auto& copy : view.copies_of_component(component->uid)) {
        if (!fleet::is_serving(*copy)) continue;
        auto instance = view.instance(copy->instance_id);
        const auto* spec = instance ? fleet::spec_of(*component, *copy, instance->instance_type) : nullptr;
        if (spec == nullptr) continue;
        const auto& container = spec->container.metrics;
        if (container.path.empty() && endpoint->metrics.scraping != Scraping::kAll) continue;
        targets.push_back(target_of(*endpoint, *component, *copy, container));
      }
    }
  }
  return targets;
}

}  // namespace zeropull::scraper
