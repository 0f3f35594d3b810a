#include "control/fleet/static_provider.h"

#include <fmt/core.h>

#include <algorithm>

#include "control/fleet/log.h"
#include "control/state/millis.h"

namespace zeropull::fleet {

using namespace state;

namespace {

constexpr auto kSilent = std::chrono::seconds(60);  // agents report every ten
constexpr auto kCommitTimeout = std::chrono::seconds(30);

Ptr<Machine> machine_of(const View& view, const std::string& instance_id) {
  auto machines = view.machines();
  auto at = std::ranges::find(machines, instance_id, [](const auto& one) { return one->instance_id; });
  return at == machines.end() ? nullptr : *at;
}

}  // namespace

Result<Launched> StaticProvider::launch(const Context& ctx, const LaunchRequest& request) {
  if (request.instance_id.empty()) return make_error(Code::kInvalidArgument, "an instance needs an id");
  auto heard = pool_.lock()->heard;
  Launched launched;
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto machine = machine_of(view, request.instance_id);
    int leased = 0, unwiped = 0, silent = 0;
    if (!machine) {
      for (const auto& one : view.machines()) {
        if (one->instance_type != request.type.name) continue;
        auto last = heard.find(one->id);
        if (!one->instance_id.empty()) {
          ++leased;
        } else if (!one->wiped) {
          ++unwiped;
        } else if (last == heard.end() || parts_.clock.steady_now() - last->second > kSilent) {
          ++silent;
        } else {
          machine = one;
          break;
        }
      }
      if (!machine) {
        return make_error(Code::kResourceExhausted,
                          "no machine of type {} in the pool is free: {} leased, {} not yet proven wiped, {} not heard of",
                          request.type.name, leased, unwiped, silent);
      }
      auto instance = view.instance(request.instance_id);
      if (!instance) return make_error(Code::kNotFound, "there is no instance {}", request.instance_id);
      Machine next = *machine;
      next.instance_id = request.instance_id;
      next.wiped = false;
      next.wipe_proof = TRY(parts_.proof_of_wipe(*machine, *instance));
      changes.put(machine, std::move(next));
    }
    launched = {.handle = machine->id, .address = machine->address, .volumes = {}};
    return changes;
  }));
  return launched;
}

Result<void> StaticProvider::release(const Context& ctx, const std::string& instance_id) {
  if (instance_id.empty()) return {};
  std::string machine_id;
  TRY(parts_.state.update(ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto machine = machine_of(view, instance_id);
    if (!machine) return changes;
    machine_id = machine->id;
    Machine next = *machine;
    next.instance_id.clear();
    changes.put(machine, std::move(next));
    return changes;
  }));
  if (!machine_id.empty()) ask_for_wipe(machine_id, 0);
  return {};
}

Result<std::vector<ProviderInstance>> StaticProvider::list(const Context& ctx) {
  TRY(ctx.check());
  std::vector<ProviderInstance> found;
  auto view = parts_.state.view();
  for (const auto& machine : view.machines()) {
    if (!machine->instance_id.empty()) found.push_back({machine->instance_id, machine->id});
  }
  return found;
}

void StaticProvider::ask_for_wipe(const std::string& machine_id, std::uint64_t seen_generation) {
  agent::DesiredState nothing;
  {
    auto pool = pool_.lock();
    auto& generation = pool->wipe_generation[machine_id];
    generation =
        std::max({generation + 1, seen_generation + 1, static_cast<std::uint64_t>(state::millis_of(parts_.clock.wall_now()))});
    nothing.generation = generation;
  }
  parts_.agents.send_desired(machine_id, nothing);
}

void StaticProvider::report(const std::string& machine_id, const agent::Report& report) {
  Ptr<Machine> machine;
  {
    auto view = parts_.state.view();
    machine = view.machine(machine_id);
  }
  if (!machine || !machine->instance_id.empty()) return;
  std::uint64_t asked = 0;
  {
    auto pool = pool_.lock();
    pool->heard[machine_id] = parts_.clock.steady_now();
    auto at = pool->wipe_generation.find(machine_id);
    if (at != pool->wipe_generation.end()) asked = at->second;
  }
  if (machine->wiped) return;
  if (asked == 0 || report.generation > asked) {  // the server was restarted: it asks again
    ask_for_wipe(machine_id, report.generation);
    return;
  }
  if (report.generation != asked || report.wiped != agent::Report::Wiped::kYes) return;
  // An agent that was never told of the last lease has the proof of the one before still.
  const bool proven = report.wipe_proof == machine->wipe_proof || report.wipe_proof == machine->last_proof;
  if (machine->wipe_proof.empty() || !proven) {
    LOG_ERROR(kLog, "machine {} ({}) says that it is wiped and does not prove it: it is not leased", machine_id,
              machine->host_name);
    return;
  }
  auto done = parts_.state.update(Context::root("wiped", {}, kCommitTimeout), [&](const View& view) -> Result<Changes> {
    Changes changes;
    auto now_held = view.machine(machine_id);
    if (!now_held || now_held->wiped || !now_held->instance_id.empty()) return changes;
    Machine next = *now_held;
    next.wiped = true;
    next.wipe_proof.clear();
    next.last_proof = report.wipe_proof;
    changes.put(now_held, std::move(next));
    return changes;
  });
  if (!done.ok()) LOG_ERROR(kLog, "machine {}: {}", machine_id, done.error().to_string());
}

}  // namespace zeropull::fleet
