#include "os/machine.h"

#include <fmt/core.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

namespace zeropull::os {

Result<std::string> boot_id() {
  auto text = TRY(read_text("/proc/sys/kernel/random/boot_id", 128));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<std::uint64_t> memory_bytes() {
  auto pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  if (pages < 0 || size < 0) return errno_error(errno, "sysconf");
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size);
}

Result<std::uint64_t> disk_bytes(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("statvfs {}", path));
  return static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
}

}  // namespace zeropull::os
