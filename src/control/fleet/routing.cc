#include "control/fleet/routing.h"

#include <algorithm>
#include <chrono>

#include "control/fleet/steps.h"

namespace zeropull::fleet {

using namespace state;

std::optional<router::EndpointRoute> endpoint_route(const View& view, const std::string& endpoint_uid) {
  auto endpoint = view.endpoint_by_uid(endpoint_uid);
  if (!endpoint) return std::nullopt;
  if (endpoint->status == EndpointStatus::kFailed || endpoint->status == EndpointStatus::kDeleting) return std::nullopt;
  router::EndpointRoute route{.account = endpoint->account, .name = endpoint->name};
  auto components = view.components_of_endpoint(endpoint_uid);
  for (const auto& variant : endpoint->variants) {
    router::VariantRoute to{.name = variant.name, .weight = variant.current_weight};
    to.strategy = variant.routing == Routing::kRandom ? router::Strategy::kRandom : router::Strategy::kLeastOutstanding;
    if (!variant.model_name.empty()) route.kind = router::EndpointKind::kModels;
    for (const auto& component : components) {
      if (component->variant != variant.name || component->status == ComponentStatus::kDeleting) continue;
      router::ComponentRoute targets{.name = component->implicit ? variant.model_name : component->name, .uid = component->uid};
      targets.hold.enabled = component->status != ComponentStatus::kFailed;  // nobody will come: say it at once
      for (const auto& copy : view.copies_of_component(component->uid)) {
        if (!is_serving(*copy)) continue;
        targets.targets.push_back(
            {.copy_id = copy->id, .address = copy->address, .ready_since = WallTime(std::chrono::milliseconds(copy->ready))});
      }
      to.components.push_back(std::move(targets));
    }
    route.variants.push_back(std::move(to));
  }
  return route;
}

}  // namespace zeropull::fleet
