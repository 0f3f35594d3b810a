// Models in folders of this machine: file:///path below a folder that the operator lists. Every name is opened beneath that
// folder (openat2), so that neither ".." nor a symlink leads out of it; a symlink to a file that stays inside is the file. The
// version of a file is its inode, size and times.
#pragma once

#include "origin/origin.h"

namespace zeropull::origin {

Result<std::unique_ptr<ModelOrigin>> open_file_origin(const ModelLocation& location, const OriginAccess& access);

}  // namespace zeropull::origin
