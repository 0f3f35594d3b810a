// What the first process of a machine of its own does: its own mounts, its own root, its own name, and the end of its children.
// For a process alone in its namespaces with one thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace zeropull::os {

// Mounts made from now on are seen in this mount namespace alone.
Result<void> make_mounts_private();
// `root`, a mount point, becomes "/", and the old root is gone from this namespace.
Result<void> enter_root(const std::string& root);
Result<void> set_host_name(const std::string& name);

Result<void> create_symlink(const std::string& target, const std::string& path);
Result<std::optional<std::string>> read_symlink(const std::string& path);  // nullopt for what is none, or absent

// Reaps children that have ended, also those that lost their parents; waits up to `timeout` for the first one. Empty when none
// did.
Result<std::vector<pid_t>> reap_children(Duration timeout);

}  // namespace zeropull::os
