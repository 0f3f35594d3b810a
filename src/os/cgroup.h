// What the control group of a process has used: cgroup v1 and v2, through /proc/PID/cgroup and /sys/fs/cgroup.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace zeropull::os {

struct CgroupUsage {
  double cpu_seconds = 0;
  std::uint64_t memory_bytes = 0;
};
// kNotFound when the process has ended. Two small files are read.
Result<CgroupUsage> cgroup_usage(std::uint32_t pid);

}  // namespace zeropull::os
