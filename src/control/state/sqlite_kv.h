// The Kv of one control plane on one machine: a table in SQLite (write-ahead log, synchronous=FULL). It has its file alone: a
// second process is refused. scrub() rewrites the whole file, since a B-tree page that was rebalanced may keep bytes of rows that
// have gone; it costs what writing the file anew costs, and commits wait for it.
#pragma once

#include <memory>
#include <string>

#include "control/state/kv.h"

namespace zeropull::state {

// `path` is made where it is absent, mode 0600. kFailedPrecondition: another process has it. kDataLoss: damaged.
Result<std::unique_ptr<Kv>> open_sqlite_kv(const std::string& path);

}  // namespace zeropull::state
