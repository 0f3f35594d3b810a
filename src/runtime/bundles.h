// Bundles: the folders in containerd's state folder that stand for its tasks. A shim, and the helper that containerd starts to
// clean up after one, can be killed so that a bundle stays without a task, perhaps with a container in it that still runs: then
// containerd refuses every further task of that name until its own restart. Here such a bundle is cleaned up as containerd does
// it, by the shim's program. Blocking, thread-safe.
#pragma once

#include <string>

#include "base/context.h"
#include "base/result.h"
#include "runtime/containerd_client.h"

namespace zeropull::runtime {

// The container must have no task, and containerd must answer: while it starts it cleans up itself. Absent is fine.
Result<void> remove_stale_bundle(const Context& ctx, const ContainerdClient& client, const std::string& container_id);
// All of the client's namespace, where no container is left; with their namespace's folder.
Result<void> remove_stale_bundles(const Context& ctx, const ContainerdClient& client);

}  // namespace zeropull::runtime
