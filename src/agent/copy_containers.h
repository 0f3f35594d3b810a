// CopyContainers: the containers of copies. The product's are containerd's, in one containerd namespace, named by the copy's id
// and marked by a label; a test passes a fake. Blocking, thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/copy_sources.h"
#include "agent/desired_state.h"
#include "agent/devices.h"
#include "base/context.h"
#include "base/result.h"
#include "os/cgroup.h"
#include "runtime/containerd_client.h"

namespace zeropull::agent {

// containerd's label of a copy's container: its value is the component.
inline constexpr const char* kCopyLabel = "zeropull.copy";

struct NewContainer {
  const Copy& copy;
  const ReadyImage& image;
  std::string model_path;  // "" for none
  std::string netns;
  std::string address;
  std::string folder;  // the copy's own: files that are bound into the container
  std::string log_file;
};

enum class ContainerStatus { kAbsent, kRunning, kEnded };
struct ContainerState {
  ContainerStatus status = ContainerStatus::kAbsent;
  std::uint32_t exit_code = 0;  // of one that has ended
};

class CopyContainers {
 public:
  struct Options {
    std::string snapshotter = "zeropull";
    std::string cgroup_parent = {};  // "" for one of the containerd namespace's name
    std::string scratch_folder = "/run/zeropull";
    std::string resolver_file = "/etc/resolv.conf";  // for copies that may reach the outside
    DeviceFolders devices;
  };
  static std::unique_ptr<CopyContainers> over(runtime::ContainerdClient client, Options options);
  virtual ~CopyContainers() = default;

  // Returns when the container's process runs; a failure, a cancelled start too, leaves nothing.
  virtual Result<void> start(const Context& ctx, const NewContainer& container) = 0;
  // One that was made and never started counts as absent: remove() it.
  virtual Result<ContainerState> state(const Context& ctx, const std::string& id) = 0;
  // Waits for the end and returns the exit code; 128 plus the signal's number for a process that a signal ended. kNotFound
  // without a container.
  virtual Result<std::uint32_t> wait(const Context& ctx, const std::string& id) = 0;
  // SIGTERM, SIGKILL after the grace, and waits for that; one that has ended or is absent is fine.
  virtual Result<void> stop(const Context& ctx, const std::string& id, Duration grace) = 0;
  // Kills what still runs. Absent is fine.
  virtual Result<void> remove(const Context& ctx, const std::string& id) = 0;
  virtual Result<std::vector<std::string>> list(const Context& ctx) = 0;
  virtual Result<os::CgroupUsage> usage(const Context& ctx, const std::string& id) = 0;
};

}  // namespace zeropull::agent
