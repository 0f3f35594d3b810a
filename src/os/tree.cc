#include "os/tree.h"

#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "os/fd.h"

namespace zeropull::os {

Result<DiskUsage> disk_usage(const Context& ctx, const std::string& path) {
  TRY(ctx.check());
  struct stat top;
  if (lstat(path.c_str(), &top) != 0) return errno_error(errno, fmt::format("stat {}", path));
  std::string root = path;
  char* const roots[] = {root.data(), nullptr};
  std::unique_ptr<FTS, int (*)(FTS*)> walk(fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, nullptr), fts_close);
  if (!walk) return errno_error(errno, fmt::format("walk {}", path));
  DiskUsage usage;
  std::set<std::pair<dev_t, ino_t>> linked;  // inodes with several links that were counted
  constexpr std::uint64_t kEntriesPerCheck = 1024;
  for (std::uint64_t entries = 0;; ++entries) {
    // Not before the first read: glibc's fts_close leaks a walk that never began.
    if (entries % kEntriesPerCheck == kEntriesPerCheck - 1) TRY(ctx.check());
    errno = 0;
    FTSENT* entry = fts_read(walk.get());
    if (entry == nullptr && errno != 0) return errno_error(errno, fmt::format("walk {}", path));
    if (entry == nullptr) return usage;
    switch (entry->fts_info) {
      case FTS_DP: continue;  // a folder the second time
      case FTS_ERR:
      case FTS_DNR:
      case FTS_NS:
        if (entry->fts_errno == ENOENT) continue;
        return errno_error(entry->fts_errno, fmt::format("walk {}", entry->fts_path));
      default: break;
    }
    const struct stat& info = *entry->fts_statp;
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 && !linked.emplace(info.st_dev, info.st_ino).second) continue;
    usage.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;  // st_blocks counts 512-byte units whatever the block size
    usage.inodes += 1;
  }
}

Result<void> make_folder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return errno_error(errno, fmt::format("make folder {}", path));
  return set_mode(path, mode);
}

Result<Owner> owner_of(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("stat {}", path));
  return Owner{.user = info.st_uid, .group = info.st_gid};
}

Result<void> set_owner(const std::string& path, Owner owner) {
  if (lchown(path.c_str(), owner.user, owner.group) != 0) return errno_error(errno, fmt::format("change owner of {}", path));
  return {};
}

Result<void> set_mode(const std::string& path, mode_t mode) {
  if (chmod(path.c_str(), mode) != 0) return errno_error(errno, fmt::format("change mode of {}", path));
  return {};
}

}  // namespace zeropull::os
