// Records of the fleet: instances, the copies on them, what is left of those that have gone, and the machines of provider
// `static`. See records.h for what all records have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zeropull::state {

using Millis = std::int64_t;  // since the epoch

enum class InstanceState { kLaunching, kReady, kReleasing, kLost };

struct Instance {
  std::string id;  // "i-<16 hex>"
  std::string account, endpoint_uid, variant, instance_type;
  InstanceState state = InstanceState::kLaunching;
  std::string provider;  // "local", "static"
  std::string handle;    // the provider's own name of it
  std::string address;   // where the router reaches its copies
  std::string reason;
  Millis launched = 0, ready = 0, idle_since = 0;  // 0: not yet; not idle
  std::vector<std::string> volumes;                // attached
};

enum class CopyPhase { kPlaced, kPreparing, kStarting, kReady, kUnhealthy, kDraining, kStopping, kFailed };

struct PhaseRecord {
  std::string name;           // "provision", "image", "model", "start", "healthy"
  Millis begin = 0, end = 0;  // 0: not yet
  std::uint64_t bytes = 0, total_bytes = 0;
  std::string source, reason;
};

struct Copy {
  std::string id;  // "c-<16 hex>", unique for ever
  std::string account, endpoint_uid, component_uid, component, variant, instance_id;
  std::uint64_t spec_revision = 0;
  CopyPhase phase = CopyPhase::kPlaced;
  std::string address;  // "host:port" once it runs
  std::string reason, log_tail;
  std::vector<std::uint32_t> accelerators;
  std::vector<PhaseRecord> phases;
  int crashes = 0;
  Millis placed = 0, ready = 0, draining = 0;
};

// What is left of an instance or a copy that has gone, for `zeropull timeline`.
struct TimelineEntry {
  std::string id;  // of the instance or copy
  std::string endpoint_uid, component, instance_id, instance_type;
  std::string kind;     // "instance", "copy"
  std::string outcome;  // "ready", "failed: .."
  std::uint64_t link_bits_per_s = 0;
  Millis begin = 0;
  std::vector<PhaseRecord> phases;
};

// A machine of provider `static`, and its lease.
struct Machine {
  std::string id;
  std::string instance_type, address, host_name;
  double cpu_cores = 0;
  std::uint64_t memory_bytes = 0, disk_bytes = 0;
  std::uint32_t accelerators = 0;
  std::string instance_id;  // leased as this one; "" when free
  bool wiped = true;        // proven; only then it is leased again
  std::string wipe_proof;   // that the machine must give for its last lease
  std::string last_proof;   // that it gave last; "" before its first lease
  Millis joined = 0;
};

struct JoinToken {
  std::string hash;         // hex SHA-256 of the token
  std::string instance_id;  // the instance that it is for; "" for a machine of the pool
  Millis expires = 0;
  Millis used = 0;           // 0: not yet
  std::string request_hash;  // of the request that it was used for: a lost answer may be asked for again
  std::string agent;         // who joined with it: an instance's id, or a machine's
};

}  // namespace zeropull::state
