// DeviceCatalog: the accelerators of an instance as Container Device Interface specifications describe them (CNCF CDI 0.5 to 1.0:
// what `nvidia-ctk cdi generate` writes), resolved to what a container is given: nodes, mounts, variables and hooks.
// containerd 1.6 does not read such specifications itself.
//
// The folders are read anew by each load(); a later folder overrides an earlier one's device of the same name. Only JSON is read.
// An edit that is not known is refused, so that a device is whole or absent. A plain value once loaded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace zeropull::agent {

struct ContainerEdits {
  std::vector<std::string> environment = {};  // "NAME=value"
  std::vector<runtime::SpecDevice> devices = {};
  std::vector<runtime::SpecMount> mounts = {};
  std::vector<runtime::SpecHook> hooks = {};
  void add(const ContainerEdits& other);
};

struct DeviceFolders {
  std::vector<std::string> folders = {"/etc/cdi", "/var/run/cdi"};
  std::string kind = "nvidia.com/gpu";
};

class DeviceCatalog {
 public:
  // A folder that is absent is empty. A file that cannot be read is an error of edits_for() alone: copies without devices start.
  static Result<DeviceCatalog> load(const DeviceFolders& folders);

  // Of the devices with these numbers as names, and NVIDIA_VISIBLE_DEVICES; without any, "void", so that an image that asks for
  // all gets none. Without any specification of the kind the variable alone: a runtime that reads it, or accelerators that are
  // counted only. kFailedPrecondition for a number that the specifications do not have.
  Result<ContainerEdits> edits_for(const std::vector<std::uint32_t>& numbers) const;

 private:
  struct Device {
    ContainerEdits own;
    std::size_t specification = 0;
  };
  Result<void> add_specification(std::string_view text);
  std::string kind_;
  std::vector<ContainerEdits> specifications_;  // what each gives with any of its devices
  std::map<std::string, Device> devices_;
  std::string fault_;  // of the first file that could not be read
};

}  // namespace zeropull::agent
