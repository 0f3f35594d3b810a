// A read-only overlay of existing folders that is reachable through one descriptor and from no path: how a few files of a
// container's root are read without mounting it for anybody else. Needs CAP_SYS_ADMIN. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace zeropull::os {

// `folders` from the topmost down; one alone is opened as it is. The mount is detached before this returns and the kernel drops
// it with the last descriptor; `scratch_parent` holds its mount point for that moment.
Result<UniqueFd> open_merged_view(const std::vector<std::string>& folders, const std::string& scratch_parent);

}  // namespace zeropull::os
