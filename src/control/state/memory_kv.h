// A Kv in memory, for tests: as the one in SQLite to whoever uses it, without the disk.
#pragma once

#include <functional>
#include <memory>

#include "control/state/kv.h"

namespace zeropull::state {

// `before_commit`, where given, decides whether a commit fails as a broken disk would.
std::unique_ptr<Kv> make_memory_kv(std::function<Result<void>()> before_commit = {});

}  // namespace zeropull::state
