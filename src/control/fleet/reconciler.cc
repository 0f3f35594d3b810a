#include "control/fleet/reconciler.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "control/fleet/actions.h"
#include "control/fleet/component_goal.h"
#include "control/fleet/limits.h"
#include "control/fleet/log.h"
#include "control/fleet/routing.h"
#include "control/fleet/steps.h"
#include "control/state/millis.h"

namespace zeropull::fleet {

using namespace state;
using std::chrono::milliseconds;

namespace {

constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kSweepEvery = std::chrono::seconds(10);

}  // namespace

Reconciler::Reconciler(ReconcilerParts parts) : parts_(std::move(parts)), started_(steady()) {
  subscription_ = parts_.state.subscribe([this](const std::vector<Changed>& changes) {
    auto memory = memory_.lock();
    for (const auto& change : changes) {
      if (!change.endpoint_uid.empty()) memory->woken.insert(change.endpoint_uid);
    }
    memory.notify_all();
  });
}

Reconciler::~Reconciler() { stop(); }

void Reconciler::start() {
  thread_ = std::jthread([this](std::stop_token stop) { loop(std::move(stop)); });
}

void Reconciler::stop() {
  subscription_.reset();
  stopping_.request_stop();
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  // Work in progress refers to this object.
  auto memory = memory_.lock();
  memory.wait(Context::root("fleet-stop"), [&] { return memory->busy.empty(); });
}

Millis Reconciler::now() const { return state::millis_of(parts_.clock.wall_now()); }

void Reconciler::loop(std::stop_token stop) {
  auto which = Which::kAll;
  std::optional<SteadyTime> swept;
  while (!stop.stop_requested()) {
    auto ctx = Context::root("fleet", stop, std::chrono::minutes(1));
    if (!swept || steady() - *swept >= kSweepEvery) {
      work("sweep", [this](const Context& work_ctx) {
        auto done = sweep(work_ctx);
        if (!done.ok()) LOG_WARN(kLog, "compare with the provider: {}", done.error().to_string());
      });
      swept = steady();
    }
    auto done = run_once(ctx, which);
    if (!done.ok() && !stop.stop_requested()) LOG_ERROR(kLog, "reconcile: {}", done.error().to_string());
    auto memory = memory_.lock();
    bool woken = memory.wait(Context::root("fleet", stop, kTick), [&] { return !memory->woken.empty(); });
    which = woken ? Which::kWoken : Which::kAll;
  }
}

void Reconciler::wake(const std::string& endpoint_uid) {
  auto memory = memory_.lock();
  memory->woken.insert(endpoint_uid);
  memory.notify_all();
}

void Reconciler::report(const std::string& agent, agent::Report report) {
  std::string instance_id, endpoint_uid;
  {
    auto view = parts_.state.view();
    auto machine = view.machine(agent);
    auto instance = view.instance(machine ? machine->instance_id : agent);
    if (instance) {
      instance_id = instance->id, endpoint_uid = instance->endpoint_uid;
      std::erase_if(report.copies, [&](const agent::CopyReport& one) {
        auto copy = view.copy(one.id);
        return !copy || copy->instance_id != instance_id;  // gone, or another's: nothing that this agent may speak of
      });
    }
  }
  if (instance_id.empty()) {
    parts_.hooks.unleased_report(agent, report);
    return;
  }
  auto memory = memory_.lock();
  auto& sight = memory->instances[instance_id];
  sight.seen.heard = steady();
  sight.seen.gone = false;
  sight.seen.answers_last = sight.generation != 0 && report.generation == sight.generation;
  for (const auto& copy : report.copies) {
    if (copy.state == agent::CopyState::kUnhealthy) {
      memory->unhealthy_since.emplace(copy.id, steady());
    } else {
      memory->unhealthy_since.erase(copy.id);
    }
  }
  sight.seen.report = std::make_shared<const agent::Report>(std::move(report));
  memory->woken.insert(endpoint_uid);
  memory.notify_all();
}

void Reconciler::disconnected(const std::string& agent) {
  LOG_INFO(kLog, "agent {} has no stream any more", agent);  // it comes back, or give_up_lost() takes its time
}

std::map<std::string, std::shared_ptr<const agent::Report>> Reconciler::reports(const std::vector<std::string>& instance_ids) {
  std::map<std::string, std::shared_ptr<const agent::Report>> found;
  auto memory = memory_.lock();
  for (const auto& id : instance_ids) {
    auto at = memory->instances.find(id);
    if (at != memory->instances.end() && at->second.seen.report) found.emplace(id, at->second.seen.report);
  }
  return found;
}

std::vector<PhaseRecord> Reconciler::live_phases(const Copy& copy) {
  auto heard = reports({copy.instance_id});
  if (heard.empty()) return copy.phases;
  const auto& copies = heard.begin()->second->copies;
  auto at = std::ranges::find(copies, copy.id, &agent::CopyReport::id);
  return at == copies.end() ? copy.phases : phases_of(copy, *at);
}

Observed Reconciler::observe(const std::string& endpoint_uid) {
  std::vector<std::string> ids;
  {
    auto view = parts_.state.view();
    for (const auto& instance : view.instances_of_endpoint(endpoint_uid)) ids.push_back(instance->id);
  }
  Observed seen;
  seen.now = now();
  seen.steady = steady();
  seen.in_flight = parts_.hooks.in_flight;
  auto memory = memory_.lock();
  // A pool that nobody has asked for a while starts afresh.
  std::erase_if(memory->denied, [&](const auto& one) {
    return seen.steady > one.second.until + 4 * milliseconds(parts_.policy.capacity_retry_ms);
  });
  for (const auto& id : ids) {
    auto at = memory->instances.find(id);
    auto sight = at == memory->instances.end() ? InstanceSight{} : at->second.seen;
    sight.heard = std::max(sight.heard, started_);
    seen.instances.emplace(id, std::move(sight));
  }
  seen.unhealthy_since = memory->unhealthy_since;
  seen.denied = memory->denied;
  seen.routed = memory->routed;
  return seen;
}

Result<void> Reconciler::run_once(const Context& ctx, Which which) {
  std::set<std::string> uids = std::exchange(memory_.lock()->woken, {});
  if (which == Which::kAll) {
    auto view = parts_.state.view();
    for (const auto& endpoint : view.endpoints()) uids.insert(endpoint->uid);
  }
  Result<void> outcome;
  for (const auto& uid : uids) {
    auto done = reconcile_endpoint(ctx, uid);
    if (!done.ok()) {
      wake(uid);
      outcome = std::move(done);  // the others go on
      continue;
    }
    follow(uid);
  }
  apply_routes();
  return outcome;
}

// The steps work on records that never change, so that no commit waits for them.
Result<void> Reconciler::reconcile_endpoint(const Context& ctx, const std::string& endpoint_uid) {
  while (true) {
    TRY(ctx.check());
    auto seen = observe(endpoint_uid);
    auto draft = Draft::read(parts_.state.view(), endpoint_uid);
    if (!draft) return {};
    reconcile(*draft, {.seen = seen, .policy = parts_.policy, .types = parts_.types, .random = parts_.random});
    auto committed = parts_.state.commit(ctx, draft->changes());
    if (committed.ok()) return {};
    if (committed.failed_with(Code::kAborted)) continue;  // somebody was faster
    return std::move(committed).take_error().with(fmt::format("endpoint {}", endpoint_uid));
  }
}

// What has to be done outside, from what is committed.
void Reconciler::follow(const std::string& endpoint_uid) {
  std::vector<std::pair<std::string, std::function<Result<void>(Actions&, const Context&)>>> jobs;
  {
    auto view = parts_.state.view();
    auto endpoint = view.endpoint_by_uid(endpoint_uid);
    auto route = endpoint_route(view, endpoint_uid);
    {
      auto memory = memory_.lock();
      // The table is of all endpoints: it is made anew for what changes in it, not for every report.
      auto known = memory->routes.find(endpoint_uid);
      if (route && (known == memory->routes.end() || known->second != *route)) {
        memory->routes.insert_or_assign(endpoint_uid, std::move(*route));
        memory->routes_changed = true;
      } else if (!route && known != memory->routes.end()) {
        memory->routes.erase(known);
        memory->routes_changed = true;
      }
    }
    if (!endpoint) return;
    auto instances = view.instances_of_endpoint(endpoint_uid);
    for (const auto& instance : instances) {
      auto id = instance->id;
      if (instance->state == InstanceState::kLaunching && instance->handle.empty()) {
        jobs.emplace_back("launch/" + id, [id](Actions& actions, const Context& ctx) { return actions.launch(ctx, id); });
      } else if (instance->state == InstanceState::kReleasing || instance->state == InstanceState::kLost) {
        jobs.emplace_back("launch/" + id, [id](Actions& actions, const Context& ctx) { return actions.release(ctx, id); });
      }
    }
    bool deleting = endpoint->status == EndpointStatus::kDeleting;
    if (deleting && instances.empty()) {
      jobs.emplace_back("purge/" + endpoint_uid,
                        [endpoint_uid](Actions& actions, const Context& ctx) { return actions.purge(ctx, endpoint_uid); });
    }
    for (const auto& component : view.components_of_endpoint(endpoint_uid)) {
      bool wants = !is_resolved(component->specs) && component->failed_revision != component->spec_revision &&
                   component->status != ComponentStatus::kDeleting && !component->specs.empty();
      if (deleting || !wants) continue;
      auto uid = component->uid;
      jobs.emplace_back("resolve/" + uid, [uid](Actions& actions, const Context& ctx) { return actions.resolve(ctx, uid); });
    }
    if (!deleting) tell_agents(view, endpoint);
    auto memory = memory_.lock();
    for (const auto& instance : instances) {
      auto sight = memory->instances.find(instance->id);
      if (deleting || sight == memory->instances.end() || !sight->second.seen.report) continue;
      for (const auto& artifact : sight->second.seen.report->artifacts) {
        auto key = endpoint_uid + "/" + artifact.identity;
        if (artifact.published != agent::CachedArtifact::Published::kYes || memory->completed.contains(key)) continue;
        jobs.emplace_back("volume/" + endpoint_uid, [endpoint_uid, key](Actions& actions, const Context& ctx) {
          return actions.complete_volume(ctx, endpoint_uid, key);
        });
        break;
      }
    }
  }
  for (auto& [name, what] : jobs) {
    work(name, [this, key = name, job = std::move(what)](const Context& ctx) {
      Actions actions(*this);
      auto done = job(actions, ctx);
      if (done.ok()) return;
      LOG_WARN(kLog, "{}: {}; it is tried again", key, done.error().to_string());
      memory_.lock()->later[key] = steady() + kTick;
    });
  }
}

void Reconciler::tell_agents(const View& view, const Ptr<Endpoint>& endpoint) {
  auto access = parts_.hooks.access(*endpoint);
  if (!access.ok()) {
    LOG_ERROR(kLog, "endpoint {}: {}", endpoint->name, access.error().to_string());
    return;
  }
  auto components = view.components_of_endpoint(endpoint->uid);
  for (const auto& instance : view.instances_of_endpoint(endpoint->uid)) {
    bool there = instance->state == InstanceState::kReady || instance->state == InstanceState::kLaunching;
    if (!there || instance->handle.empty()) continue;
    auto copies = view.copies_of_instance(instance->id);
    auto desired = desired_state({.endpoint = *endpoint,
                                  .instance = *instance,
                                  .components = components,
                                  .copies = copies,
                                  .access = *access,
                                  .types = parts_.types,
                                  .policy = parts_.policy});
    auto print = fingerprint(desired);
    {
      auto memory = memory_.lock();
      auto& sight = memory->instances[instance->id];
      if (sight.fingerprint == print) continue;
      // Grows over restarts too, and past what the agent has seen if the clock was set back.
      auto seen = sight.seen.report ? sight.seen.report->generation : 0;
      sight.generation = std::max({sight.generation + 1, seen + 1, static_cast<std::uint64_t>(now())});
      sight.fingerprint = print;
      sight.seen.answers_last = false;
      desired.generation = sight.generation;
    }
    parts_.agents.send_desired(agent_of(*instance), desired);
  }
}

void Reconciler::apply_routes() {
  router::RoutingTable table;
  auto routed = std::make_shared<std::set<std::string>>();
  {
    auto memory = memory_.lock();
    if (!std::exchange(memory->routes_changed, false)) return;
    for (const auto& [uid, route] : memory->routes) {
      table.endpoints.push_back(route);
      for (const auto& variant : route.variants) {
        for (const auto& component : variant.components) {
          for (const auto& target : component.targets) routed->insert(target.copy_id);
        }
      }
    }
  }
  parts_.hooks.apply_routes(table);
  memory_.lock()->routed = std::move(routed);
}

void Reconciler::work(const std::string& key, std::function<void(const Context&)> job) {
  {
    auto memory = memory_.lock();
    auto later = memory->later.find(key);
    if (later != memory->later.end()) {
      if (steady() < later->second) return;
      memory->later.erase(later);
    }
    if (stopping_.stop_requested() || !memory->busy.insert(key).second) return;
  }
  auto posted = parts_.executor.post([this, key, job = std::move(job)] {
    job(Context::root(key, stopping_.get_token()));
    auto memory = memory_.lock();
    memory->busy.erase(key);
    memory.notify_all();
  });
  if (posted.ok()) return;
  auto memory = memory_.lock();  // the next tick tries again
  memory->busy.erase(key);
  memory.notify_all();
}

Result<void> Reconciler::sweep(const Context& ctx) {
  // Taken before the provider is asked: what is launched meanwhile may be missing in its answer.
  std::vector<std::string> launched;
  {
    auto view = parts_.state.view();
    for (const auto& instance : view.instances()) {
      if (!instance->handle.empty()) launched.push_back(instance->id);
    }
  }
  auto found = TRY(parts_.provider.list(ctx));
  std::set<std::string> there;
  std::vector<std::string> unknown;
  {
    auto view = parts_.state.view();
    for (const auto& one : found) {
      there.insert(one.instance_id);
      if (!view.instance(one.instance_id)) unknown.push_back(one.instance_id);
    }
    auto memory = memory_.lock();
    for (const auto& id : launched) memory->instances[id].seen.gone = !there.contains(id);
    std::erase_if(memory->instances, [&](const auto& one) { return !view.instance(one.first); });
    std::erase_if(memory->unhealthy_since, [&](const auto& one) { return !view.copy(one.first); });
  }
  for (const auto& id : unknown) {
    LOG_WARN(kLog, "instance {} belongs to nobody: it is released", id);
    TRY(parts_.provider.release(ctx, id));
  }
  return {};
}

}  // namespace zeropull::fleet
