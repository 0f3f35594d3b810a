// Placement: where a copy goes, which instances are missing, which may go. Pure functions of plain values; the reconcilers call
// them with what the state says, the API with an empty fleet to refuse early what can never run.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "control/fleet/instance_types.h"
#include "control/state/records.h"

namespace zeropull::fleet {

// What one copy of a component reserves, by instance type: on a type that is not named here it does not run.
struct Demand {
  state::Placement strategy = state::Placement::kSpread;
  std::map<std::string, Resources> by_type = {};
};

// An instance as a place for copies.
struct Host {
  std::string instance_id;
  std::string instance_type;
  Resources total = {}, free = {};                         // of what copies may reserve
  std::vector<std::uint32_t> free_accelerators = {};  // device numbers, ascending
  int copies = 0;                                // of all components
  int copies_of_component = 0;                   // of the one that is placed
  int artifacts = 0;                             // how many of the copy's image and model it holds: 0 to 2
  bool ready = false;                            // its agent is connected

  static Host empty(std::string id, const InstanceType& type);
  void reserve(const Resources& need, std::span<const std::uint32_t> accelerators);
};

enum class Fit {
  kFits,
  kNotNow,  // on a type that the variant has, once there is room
  kNever,   // on no type that the variant has, however empty
};

struct Choice {
  Fit fit = Fit::kNever;
  std::size_t host = 0;                     // index; meaningful when it fits
  std::vector<std::uint32_t> accelerators = {};  // device numbers on it, ascending
  std::string reason = {};                       // why not, with requested, free and total of each resource
};

// SPREAD: the host with the fewest copies of the component; among equals one that holds the artifacts. BINPACK: a host in use
// before an empty one, one that holds the artifacts before others, then the fullest. `types` are those that the variant may
// launch.
Choice place(const Demand& demand, std::span<const Host> hosts, std::span<const InstanceType* const> types);

// The half of it that needs no fleet. Text as Choice::reason; "" when it can fit on one of the types.
std::string why_never(const Demand& demand, std::span<const InstanceType* const> types);

// How many new instances of `type` it takes until all that is pending fits, at most `instances_max`.
int instances_missing(std::span<const Demand> pending, const InstanceType& type, int instances_max);

// The pools that may be asked now, best first: by priority, without those whose type is in `denied` or on which nothing of
// `pending` could run.
std::vector<const state::InstancePool*> usable_pools(const state::Variant& variant,
                                                     const std::map<std::string, std::string>& denied, const Demand* pending,
                                                     const InstanceTypes& types);

struct IdleInstance {
  std::string id;
  int pool_priority = 1;
  state::Millis idle_since = 0;
};
struct IdleRule {
  state::Millis now = 0;
  state::Millis release_after = 0;
  int releases_max = 0;  // what the variant's minimum leaves
};
// Those idle for long enough, the last pools first, then the longest idle.
std::vector<std::string> choose_releases(std::vector<IdleInstance> idle, const IdleRule& rule);

}  // namespace zeropull::fleet
