// Trees of folders: how much a tree takes on disk, and folders with an exact mode and owner. All functions block on the disk and
// are thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/context.h"
#include "base/result.h"

namespace zeropull::os {

struct DiskUsage {
  std::uint64_t bytes = 0;  // allocated blocks, as du(1) counts; holes are not
  std::uint64_t inodes = 0;
};
// The tree at `path` with its top; an inode with several links counts once. Follows no symlink. What vanishes meanwhile is left
// out. One lstat an entry.
Result<DiskUsage> disk_usage(const Context& ctx, const std::string& path);

Result<void> make_folder(const std::string& path, mode_t mode);  // this mode whatever the umask; kAlreadyExists

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};
Result<Owner> owner_of(const std::string& path);  // of a symlink itself
Result<void> set_owner(const std::string& path, Owner owner);
Result<void> set_mode(const std::string& path, mode_t mode);  // follows symlinks

}  // namespace zeropull::os
