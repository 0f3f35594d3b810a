// Containers: containerd's container records. A record names the image, the snapshot and the runtime specification of a
// container, and keeps its snapshot from being collected; it runs nothing (tasks.h does). Thread-safe; each method is one call.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/containerd_client.h"

namespace zeropull::runtime {

// The runtime that containerd's own client uses by default, and the type of its options.
inline constexpr const char* kRuncRuntime = "io.containerd.runc.v2";
inline constexpr const char* kRuncOptionsType = "containerd.runc.v1.Options";
inline constexpr const char* kSpecType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

struct ContainerRecord {
  std::string id;
  std::map<std::string, std::string> labels;
  std::string image;
  std::string runtime = kRuncRuntime;
  std::string runtime_options_type = kRuncOptionsType;  // "" for none; the options themselves are the defaults
  std::string spec;                                     // the OCI runtime specification as JSON
  std::string snapshotter;
  std::string snapshot_key;
};

class Containers {
 public:
  explicit Containers(ContainerdClient client) : client_(std::move(client)) {}
  Result<void> create(const Context& ctx, const ContainerRecord& record) const;  // kAlreadyExists
  Result<ContainerRecord> get(const Context& ctx, const std::string& id) const;  // kNotFound
  Result<std::vector<ContainerRecord>> list(const Context& ctx, const std::vector<std::string>& filters) const;
  Result<void> remove(const Context& ctx, const std::string& id) const;  // kNotFound

 private:
  ContainerdClient client_;
};

}  // namespace zeropull::runtime
