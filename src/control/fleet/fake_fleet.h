// A fleet in memory for the reconcilers' tests: one endpoint "llm" of account "1", the reconciler over records that outlive it,
// and what a test says to them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/fleet/fake_parts.h"
#include "control/state/memory_kv.h"

namespace zeropull::fleet {

class FakeFleet {
 public:
  FakeFleet() { start(); }

  // The server again, from what is durable alone.
  void start() {
    reconciler.reset();
    state.reset();
    budget->left = 1'000'000;
    state = MUST(state::State::create(ctx(), std::make_unique<SharedKv>(kv, budget)));
    FleetHooks hooks;
    hooks.resolve_image = [this](const Context&, const state::Endpoint&, const std::string& image) -> Result<std::string> {
      if (image.starts_with("missing")) return make_error(Code::kNotFound, "manifest unknown");
      return image + "@sha256:" + digest;
    };
    hooks.access = [](const state::Endpoint&) -> Result<EndpointAccess> { return EndpointAccess{}; };
    hooks.volumes = [](const state::Endpoint&) { return std::vector<std::string>{}; };
    hooks.model_folders = [](const state::Endpoint&) { return std::vector<std::string>{}; };
    hooks.complete_volume = [this](const Context&, const state::Endpoint&) -> Result<void> {
      ++volumes_completed;
      return {};
    };
    hooks.purge = [this](const Context&, const state::Endpoint& endpoint) -> Result<void> {
      purged.insert(endpoint.uid);
      return {};
    };
    hooks.apply_routes = [this](const router::RoutingTable& table) { routes = table, ++tables; };
    hooks.in_flight = [this](const std::string& id) { return in_flight.contains(id) ? in_flight[id] : 0; };
    hooks.unleased_report = [](const std::string&, const agent::Report&) {};
    reconciler = std::make_unique<Reconciler>(ReconcilerParts{.state = *state,
                                                              .provider = provider,
                                                              .agents = agents,
                                                              .executor = executor,
                                                              .types = types,
                                                              .policy = policy,
                                                              .hooks = std::move(hooks),
                                                              .control_address = "10.201.0.1:7443",
                                                              .authority_pem = "pem",
                                                              .clock = clock,
                                                              .random = random});
  }

  Context ctx() const { return Context::root("test"); }
  // One second of the fleet's life; false when the process has ended.
  bool tick() {
    auto done = reconciler->run_once(ctx(), Reconciler::Which::kAll);
    agents.step(*reconciler, clock);
    clock.advance(std::chrono::seconds(1));
    auto swept = reconciler->sweep(ctx());
    return done.ok() && swept.ok() && budget->left > 0;
  }
  bool until(const std::function<bool()>& holds, int seconds = 120) {
    for (int i = 0; i < seconds; ++i) {
      if (holds()) return true;
      if (!tick()) return false;
    }
    return holds();
  }
  void settle(int seconds = 20) {
    for (int i = 0; i < seconds && tick(); ++i) {
    }
  }

  state::Ptr<state::Endpoint> endpoint() { return state->view().endpoint({"1", "llm"}); }
  state::Ptr<state::Component> component(const std::string& name = "qwen") { return state->view().component({"1", name}); }
  state::List<state::Copy> copies() { return state->view().copies_of_endpoint("e1"); }
  state::List<state::Instance> instances() { return state->view().instances_of_endpoint("e1"); }
  int serving() {
    int count = 0;
    for (const auto& endpoint : routes.endpoints) {
      for (const auto& variant : endpoint.variants) {
        for (const auto& component : variant.components) count += static_cast<int>(component.targets.size());
      }
    }
    return count;
  }

  template <typename T>
  void add(T record) {
    state::Changes changes;
    changes.add(std::move(record));
    MUST(state->commit(ctx(), std::move(changes)));
  }
  // Changes the record by `edit` as an operation of the API does.
  template <typename T>
  void change(const state::Ptr<T>& was, const std::function<void(T&)>& edit) {
    T next = *was;
    edit(next);
    state::Changes changes;
    changes.put(was, std::move(next));
    MUST(state->commit(ctx(), std::move(changes)));
  }
  void add_endpoint(std::vector<state::Variant> variants) {
    state::Endpoint endpoint;
    endpoint.account = "1", endpoint.name = "llm", endpoint.uid = "e1", endpoint.variants = std::move(variants);
    endpoint.wrapped_key = "v1:key";
    add(std::move(endpoint));
  }
  static state::Variant fixed(int count, std::string type = "ml.g5.12xlarge") {
    state::Variant variant;
    variant.name = "all", variant.pools = {{std::move(type), 1, ""}}, variant.desired_instances = count;
    return variant;
  }
  static state::Variant managed(int min, int max, std::string type = "ml.g5.12xlarge") {
    auto variant = fixed(std::max(min, 1), std::move(type));
    variant.scaling = {.enabled = true, .min = min, .max = max};
    return variant;
  }
  static state::ComponentSpec spec(const std::string& image, double accelerators = 1) {
    state::ComponentSpec spec;
    spec.container.image = image;
    spec.container.model.uri = "s3://models/qwen/";
    spec.accelerators = accelerators, spec.cpu_cores = 2, spec.memory_min_mb = 1024;
    return spec;
  }
  void add_component(int copies, state::ComponentSpec of, const std::string& name = "qwen") {
    state::Component component;
    component.account = "1", component.name = name, component.uid = "u-" + name;
    component.endpoint_name = "llm", component.endpoint_uid = "e1", component.variant = "all";
    component.specs = {std::move(of)};
    component.desired_copies = copies;
    add(std::move(component));
  }
  void update_component(const std::function<void(state::Component&)>& edit, const std::string& name = "qwen") {
    change<state::Component>(component(name), [&](state::Component& next) {
      edit(next);
      next.status = state::ComponentStatus::kUpdating;
    });
  }
  bool component_is(state::ComponentStatus status, const std::string& name = "qwen") {
    auto now = component(name);
    return now && now->status == status;
  }
  bool endpoint_is(state::EndpointStatus status) { return endpoint() && endpoint()->status == status; }

  FakeClock clock;
  SeededRandom random;
  InlineExecutor executor;
  InstanceTypes types = InstanceTypes::defaults();
  FleetPolicy policy{.provider = "fake"};
  FakeProvider provider;
  FakeAgents agents{provider};
  std::string digest = std::string(64, 'a');
  std::map<std::string, std::uint64_t> in_flight;
  std::set<std::string> purged;
  int volumes_completed = 0;
  router::RoutingTable routes;
  int tables = 0;  // that were applied
  std::shared_ptr<state::Kv> kv = state::make_memory_kv();
  std::shared_ptr<CommitBudget> budget = std::make_shared<CommitBudget>();
  std::unique_ptr<state::State> state;
  std::unique_ptr<Reconciler> reconciler;
};

}  // namespace zeropull::fleet
