// CgroupFolders: one folder of an instance's own in every cgroup hierarchy of the machine (one on v2, one a controller on v1).
// The instance sees it in place of the hierarchy, so that whatever its containers make lies below it and goes with it. Nothing is
// kept: the folders are found by their name, also after a restart. Thread-safe for different names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace zeropull::fleet {

class CgroupFolders {
 public:
  explicit CgroupFolders(std::string name) : name_(std::move(name)) {}

  // Where a folder is, and where the instance sees it.
  struct Binding {
    std::string folder;
    std::string mount_point;
  };
  // What all of the instance together may use; a limit whose controller this machine does not offer is left out, and logged.
  struct Limits {
    double cpu_cores = 0;  // 0: all
    std::uint64_t memory_bytes = 0;
  };
  Result<std::vector<Binding>> create(const Limits& limits);
  Result<void> move_in(pid_t pid);
  // After the last process in them ended; undoes create() however far it came.
  Result<void> remove(const Context& ctx);

 private:
  std::string name_;
};

}  // namespace zeropull::fleet
