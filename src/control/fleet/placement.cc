#include "control/fleet/placement.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include "base/check.h"

namespace zeropull::fleet {

namespace {

constexpr std::string_view kNotEnough =
    "There is not enough hardware resources on the instances for this endpoint to create a copy of the inference component.";
constexpr std::size_t kHostsNamed = 3;  // in a reason; a fleet of hundreds would not be read

const Resources* need_on(const Demand& demand, const std::string& type) {
  auto at = demand.by_type.find(type);
  return at == demand.by_type.end() ? nullptr : &at->second;
}

std::size_t devices(const Resources& need) { return static_cast<std::size_t>(std::ceil(need.accelerators)); }

bool fits(const Host& host, const Resources& need) {
  return host.free.covers(need) && host.free_accelerators.size() >= devices(need);
}

// Smaller is better.
using Rank = std::tuple<int, int, int, int, double, double, std::int64_t, std::string_view>;

Rank spread_rank(const Host& host) {
  return {host.copies_of_component, -host.artifacts,      host.ready ? 0 : 1,   host.copies,
          -host.free.accelerators,  -host.free.cpu_cores, -host.free.memory_mb, host.instance_id};
}

Rank binpack_rank(const Host& host) {
  return {host.copies == 0 ? 1 : 0, -host.artifacts,     host.ready ? 0 : 1,  0,
          host.free.accelerators,   host.free.cpu_cores, host.free.memory_mb, host.instance_id};
}

std::string shortage(const Host& host, const Resources& need) {
  return fmt::format("on {} ({}) requested {}; free {}; total {}", host.instance_id, host.instance_type, need.describe(),
                     host.free.describe(), host.total.describe());
}

std::string why_not_now(const Demand& demand, std::span<const Host> hosts) {
  std::string text;
  std::size_t named = 0;
  std::size_t others = 0;
  for (const auto& host : hosts) {
    const auto* need = need_on(demand, host.instance_type);
    if (need == nullptr) continue;
    if (named == kHostsNamed) {
      ++others;
      continue;
    }
    text += (named++ == 0 ? " It does not fit now: " : "; ") + shortage(host, *need);
  }
  if (named == 0) {
    text = " It does not fit now: there is no instance of a type that it can run on. Requested";
    const char* separator = " ";
    for (const auto& [type, need] : demand.by_type) {
      text += fmt::format("{}on {} {}", std::exchange(separator, "; "), type, need.describe());
    }
  }
  if (others > 0) text += fmt::format("; and {} more instances likewise", others);
  return std::string(kNotEnough) + text + ".";
}

}  // namespace

Host Host::empty(std::string id, const InstanceType& type) {
  Host host{.instance_id = std::move(id), .instance_type = type.name, .total = type.schedulable(), .free = type.schedulable()};
  for (std::uint32_t device = 0; device < type.accelerators; ++device) host.free_accelerators.push_back(device);
  return host;
}

void Host::reserve(const Resources& need, std::span<const std::uint32_t> accelerators) {
  free = free - need;
  ++copies;
  std::erase_if(free_accelerators, [&](auto device) { return std::ranges::find(accelerators, device) != accelerators.end(); });
}

std::string why_never(const Demand& demand, std::span<const InstanceType* const> types) {
  std::string text;
  for (const auto* type : types) {
    const auto* need = need_on(demand, type->name);
    if (need != nullptr && type->schedulable().covers(*need)) return "";
    text += text.empty() ? " " : "; ";
    if (need == nullptr) {
      text += fmt::format("the inference component has no specification for {}", type->name);
    } else {
      text += fmt::format("it can never fit on {}: requested {}; total {}", type->name, need->describe(),
                          type->schedulable().describe());
    }
  }
  if (types.empty()) text = " the variant has no instance type";
  return std::string(kNotEnough) + text + ".";
}

Choice place(const Demand& demand, std::span<const Host> hosts, std::span<const InstanceType* const> types) {
  std::optional<std::pair<Rank, std::size_t>> best;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto* need = need_on(demand, hosts[i].instance_type);
    if (need == nullptr || !fits(hosts[i], *need)) continue;
    auto rank = demand.strategy == state::Placement::kSpread ? spread_rank(hosts[i]) : binpack_rank(hosts[i]);
    if (!best || rank < best->first) best = {rank, i};
  }
  if (best) {
    const auto& host = hosts[best->second];
    auto count = static_cast<std::ptrdiff_t>(devices(demand.by_type.at(host.instance_type)));
    return {.fit = Fit::kFits,
            .host = best->second,
            .accelerators = {host.free_accelerators.begin(), host.free_accelerators.begin() + count}};
  }
  auto never = why_never(demand, types);
  // An instance of a type that the variant no longer launches may still get room.
  bool on_a_host = std::ranges::any_of(hosts, [&](const Host& host) {
    const auto* need = need_on(demand, host.instance_type);
    return need != nullptr && host.total.covers(*need);
  });
  if (!never.empty() && !on_a_host) return {.fit = Fit::kNever, .reason = std::move(never)};
  return {.fit = Fit::kNotNow, .reason = why_not_now(demand, hosts)};
}

int instances_missing(std::span<const Demand> pending, const InstanceType& type, int instances_max) {
  std::vector<Host> opened;
  const InstanceType* types[] = {&type};
  for (const auto& demand : pending) {
    if (!why_never(demand, types).empty()) continue;
    auto choice = place(demand, opened, types);
    if (choice.fit != Fit::kFits) {
      if (static_cast<int>(opened.size()) >= instances_max) continue;  // a smaller one may still fit into what is open
      opened.push_back(Host::empty(fmt::format("new-{:06}", opened.size()), type));
      choice = place(demand, std::span(opened).last(1), types);
      CHECK(choice.fit == Fit::kFits);
      choice.host = opened.size() - 1;
    }
    opened[choice.host].reserve(demand.by_type.at(type.name), choice.accelerators);
  }
  return static_cast<int>(opened.size());
}

std::vector<const state::InstancePool*> usable_pools(const state::Variant& variant,
                                                     const std::map<std::string, std::string>& denied, const Demand* pending,
                                                     const InstanceTypes& types) {
  std::vector<const state::InstancePool*> pools;
  for (const auto& pool : variant.pools) {
    const InstanceType* type = types.find(pool.instance_type);
    if (type == nullptr || denied.contains(pool.instance_type)) continue;
    if (pending != nullptr && !why_never(*pending, std::span(&type, 1)).empty()) continue;
    pools.push_back(&pool);
  }
  std::ranges::stable_sort(pools, {}, &state::InstancePool::priority);
  return pools;
}

std::vector<std::string> choose_releases(std::vector<IdleInstance> idle, const IdleRule& rule) {
  std::erase_if(idle,
                [&](const IdleInstance& one) { return one.idle_since == 0 || rule.now - one.idle_since < rule.release_after; });
  std::ranges::sort(idle, [](const IdleInstance& a, const IdleInstance& b) {
    return std::tuple(-a.pool_priority, a.idle_since, std::string_view(a.id)) <
           std::tuple(-b.pool_priority, b.idle_since, std::string_view(b.id));
  });
  std::vector<std::string> chosen;
  for (const auto& one : idle) {
    if (static_cast<int>(chosen.size()) >= rule.releases_max) break;
    chosen.push_back(one.id);
  }
  return chosen;
}

}  // namespace zeropull::fleet
