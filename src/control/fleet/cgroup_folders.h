// CgroupFolders: one folder of an instance's own in every cgroup hierarchy of the machine (one on v2, one a controller on v1).
// The instance sees it in place of the hierarchy, so that whatever its containers make lies below it and goes with it. Nothing is
// kept: the folders are found by their name, also after a restart. Thread-safe for different names.
#pragma once

#include <sys/types.h>

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
  Result<std::vector<Binding>> create();
  Result<void> move_in(pid_t pid);
  // After the last process in them ended; undoes create() however far it came.
  Result<void> remove(const Context& ctx);

 private:
  std::string name_;
};

}  // namespace zeropull::fleet
