// Report: the complete state of an instance, as its agent answers a DesiredState (desired_state.h). Plain values, the mirror of
// proto/zeropull/control/v1/control.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zeropull::agent {

enum class CopyState {
  kPreparing,  // image and model
  kStarting,   // the container runs, /ping has not passed
  kReady,
  kUnhealthy,  // was ready, /ping fails
  kStopping,
  kStopped,  // of the protocol; a copy that is gone is absent instead
  kFailed,   // will not be tried again; `reason` says why
};
std::string_view copy_state_name(CopyState state);  // "preparing" ...

struct Phase {
  std::string name = {};  // "image", "model", "start", "healthy"
  std::uint64_t begin_unix_ms = 0;
  std::uint64_t end_unix_ms = 0;  // 0: not ended
  std::uint64_t bytes = 0;        // over the link
  std::uint64_t total_bytes = 0;  // of the artifact, when known
  std::string source = {};        // "cache", "volume", "store", "registry", "origin"
  std::string reason = {};        // why not from a better source
  bool operator==(const Phase&) const = default;
};

struct CopyReport {
  std::string id;
  CopyState state = CopyState::kPreparing;
  std::string reason = {};
  std::string address = {};  // "host:port" for the router
  std::vector<Phase> phases = {};
  std::string model_identity = {};
  std::string image_digest = {};
  std::uint32_t crashes = 0;
  std::string log_tail = {};  // of a failed start, at most 4 KiB
  double cpu_seconds = 0;
  std::uint64_t memory_bytes = 0;
};

struct CachedArtifact {
  enum class Kind { kImage, kModel } kind = Kind::kImage;
  std::string identity;  // manifest digest or model identity
  std::uint64_t bytes = 0;
  enum class Published { kNo, kYes } published = Published::kNo;  // complete in the endpoint's store
};

// What a machine offers, as its agent sees it.
struct Machine {
  std::string host_name;
  std::string address;        // where the router reaches its copies
  std::string instance_type;  // as the machine's operator names it
  double cpu_cores = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t accelerators = 0;
  std::uint64_t disk_bytes = 0;
};

struct Report {
  std::uint64_t generation = 0;  // the desired state that this answers; 0: none seen
  std::vector<CopyReport> copies;
  std::vector<CachedArtifact> artifacts;
  std::uint64_t disk_used_bytes = 0;
  std::uint64_t disk_budget_bytes = 0;
  enum class Wiped { kNo, kYes } wiped = Wiped::kNo;  // no endpoint, and nothing of an earlier one is left
  std::string wipe_proof;                             // hex; see wipe.h
  std::string error;                                  // of the instance as a whole; "" for none
  std::vector<std::string> withdrawn_volumes;
  std::string boot_id;
  Machine machine;
};

}  // namespace zeropull::agent
