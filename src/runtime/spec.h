// The OCI runtime specification of a container, equal field by field to the one that `ctr run` of containerd 1.6 writes for the
// same image and options (oci/spec.go, oci/spec_opts.go, cmd/ctr/commands/run); tests/spec_equality.sh compares them. That one is
// the same under cgroup v1 and v2: a cgroup namespace of its own is what Kubernetes' side of containerd adds, not this one. Pure
// functions but for the host's name with Network::kHost.
#pragma once

#include <map>
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

enum class Network { kOwn, kHost };               // --net-host: the host's network, hosts file, resolver file and HOSTNAME
enum class Seccomp { kNone, kDefault };           // --seccomp
enum class RootAccess { kReadWrite, kReadOnly };  // --read-only

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
};

// JSON. kInvalidArgument when neither the image nor the options name a command.
Result<std::string> build_spec(const ImageConfig& config, const ProcessUser& user, const SpecOptions& options);

// The container record's labels: the image's, those of the command line over them, and the stop signal's. What containerd would
// refuse for its length is left out with a warning.
std::map<std::string, std::string> container_labels(const ImageConfig& config, const std::map<std::string, std::string>& labels);

}  // namespace zeropull::runtime
