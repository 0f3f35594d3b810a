// flock(2) with an end to the waiting: how the processes that share a cache folder take turns. The lock lives as long as the open
// file.
#pragma once

#include "base/result.h"
#include "os/fd.h"

namespace zeropull::artifact {

enum class LockMode { kShared, kExclusive };

// Waits at most kLockTimeout (artifact/limits.h), then kUnavailable.
Result<void> lock_file(const os::UniqueFd& fd, LockMode mode);
// kUnavailable at once when another has it.
Result<void> try_lock_file(const os::UniqueFd& fd, LockMode mode);

}  // namespace zeropull::artifact
