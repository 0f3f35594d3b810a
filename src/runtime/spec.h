// The OCI runtime specification of a container, equal field by field to the one that `ctr run` of containerd 1.6 writes for the
// same image and options (oci/spec.go, oci/spec_opts.go, cmd/ctr/commands/run); tests/spec_equality.sh compares them. That one is
// the same under cgroup v1 and v2: a cgroup namespace of its own is what Kubernetes' side of containerd adds, not this one. Pure
// functions but for the host's name with Network::kHost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/image_config.h"
#include "runtime/image_user.h"

namespace zeropull::runtime {

struct SpecMount {  // of the runtime specification: {"/models", "bind", "/var/lib/models", {"rbind", "ro"}}
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

// kHost is ctr's --net-host: the host's network, hosts file, resolver file and HOSTNAME. kJoined: that of network_namespace.
enum class Network { kOwn, kHost, kJoined };
enum class Seccomp { kNone, kDefault };           // --seccomp
enum class RootAccess { kReadWrite, kReadOnly };  // --read-only

struct SpecDevice {  // a node in the container's /dev, and the right to use it
  std::string path;
  char type = 'c';  // 'c', 'b' or 'p'
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint32_t> file_mode = {};
  std::optional<std::uint32_t> uid = {};
  std::optional<std::uint32_t> gid = {};
  std::string access = "rwm";
  bool operator==(const SpecDevice&) const = default;
};

struct SpecHook {     // a program of the host's that the runtime starts
  std::string stage;  // "createRuntime", "createContainer", "startContainer", "poststart", "poststop" or "prestart"
  std::string path;
  std::vector<std::string> args = {};         // the first is the program's name
  std::vector<std::string> environment = {};  // "NAME=value"
  std::optional<std::int64_t> timeout_s = {};
  bool operator==(const SpecHook&) const = default;
};

// What ctr has no word for; a specification without it says nothing of it.
struct SpecLimits {
  std::uint64_t memory_bytes = 0;       // 0: none
  std::uint64_t cpu_shares = 0;         // of 1024 a core; 0: ctr's 1024
  std::uint64_t open_files = 0;         // 0: ctr's 1024
  std::string shared_memory_size = {};  // of /dev/shm, as tmpfs takes it; "" for ctr's 64 MiB
  std::string cgroup_parent = {};       // instead of the containerd namespace: "/zeropull/endpoint"
};

struct SpecOptions {
  std::string container_id;
  std::string containerd_namespace;
  std::vector<std::string> args = {};              // instead of the image's entrypoint and command
  std::vector<std::string> environment = {};       // "NAME=value", over the image's
  std::vector<SpecMount> mounts = {};              // after the default ones
  std::string working_folder = {};                 // instead of the image's
  std::map<std::string, std::string> labels = {};  // of the command line; they become annotations as well
  Network network = Network::kOwn;
  Seccomp seccomp = Seccomp::kNone;
  RootAccess root_access = RootAccess::kReadWrite;
  std::string network_namespace = {};  // a path, for Network::kJoined
  std::string host_name = {};          // "" for the host's
  std::vector<SpecDevice> devices = {};
  std::vector<SpecHook> hooks = {};
  SpecLimits limits = {};
};

// JSON. kInvalidArgument when neither the image nor the options name a command.
Result<std::string> build_spec(const ImageConfig& config, const ProcessUser& user, const SpecOptions& options);

// The container record's labels: the image's, those of the command line over them, and the stop signal's. What containerd would
// refuse for its length is left out with a warning.
std::map<std::string, std::string> container_labels(const ImageConfig& config, const std::map<std::string, std::string>& labels);

}  // namespace zeropull::runtime
