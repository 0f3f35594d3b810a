#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::os {

namespace {

std::string temporary_sibling(const std::string& path) { return fmt::format("{}.tmp-{:016x}", path, Random::secure().next()); }

Result<void> write_new_file(const std::string& path, ByteView contents, mode_t mode) {
  auto fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, mode));
  TRY(write_all(fd.get(), contents));
  TRY(sync_fd(fd.get()));
  return fd.close();
}

Result<void> remove_tree_at(int folder, const char* name, dev_t device) {
  struct stat info;
  if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return errno_error(errno, fmt::format("stat {}", name));
  }
  if (!S_ISDIR(info.st_mode)) {
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) return errno_error(errno, fmt::format("unlink {}", name));
    return {};
  }
  if (info.st_dev != device) return make_error(Code::kFailedPrecondition, "{} is a mount point", name);
  UniqueFd fd(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno_error(errno, fmt::format("open {}", name));
  int raw = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
  if (raw < 0) return errno_error(errno, "duplicate descriptor");
  std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(raw), closedir);
  if (!entries) return errno_error(errno, fmt::format("read folder {}", name));
  while (dirent* entry = readdir(entries.get())) {
    std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    TRY(remove_tree_at(fd.get(), entry->d_name, device).with_context("{}", name));
  }
  if (unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT) return errno_error(errno, fmt::format("rmdir {}", name));
  return {};
}

}  // namespace

Result<UniqueFd> create_memory_file(ByteView content) {
  UniqueFd file(memfd_create("zeropull", MFD_CLOEXEC));
  if (!file.valid()) return errno_error(errno, "make a file in memory");
  TRY(write_all(file.get(), content));
  return file;
}

std::string parent_folder(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return errno_error(errno, fmt::format("open {}", path));
  return UniqueFd(fd);
}

Result<UniqueFd> open_at(const UniqueFd& folder, const std::string& name, int flags, Resolve resolve, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  // openat2 refuses a mode for what it does not create; O_TMPFILE has O_DIRECTORY's bit in it.
  how.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0;
  how.resolve = RESOLVE_NO_MAGICLINKS | (resolve == Resolve::kBeneath ? RESOLVE_BENEATH : RESOLVE_IN_ROOT);
  long fd = syscall(SYS_openat2, folder.get(), name.c_str(), &how, sizeof how);
  if (fd < 0) return errno_error(errno, fmt::format("open {}", name));
  return UniqueFd(static_cast<int>(fd));
}

Result<struct stat> stat_fd(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return errno_error(errno, "fstat");
  return info;
}

Result<struct stat> stat_path(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("stat {}", path));
  return info;
}

bool exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

Result<std::uint64_t> file_size(int fd) {
  auto info = TRY(stat_fd(fd));
  return static_cast<std::uint64_t>(info.st_size);
}

Result<void> set_file_size(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return errno_error(errno, "set a file's size");
  return {};
}

Result<void> punch_hole(int fd, std::uint64_t end) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(end)) != 0) {
    return errno_error(errno, "punch a hole");
  }
  return {};
}

Result<std::uint64_t> next_data(int fd, std::uint64_t offset) {
  off_t at = lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (at < 0 && errno == ENXIO) return file_size(fd);
  if (at < 0) return errno_error(errno, "seek to data");
  return static_cast<std::uint64_t>(at);
}

Result<void> read_exactly_at(int fd, MutableByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t n = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(errno, "read");
    if (n == 0) return make_error(Code::kDataLoss, "file ends at byte {}, {} bytes short", offset, bytes.size());
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> write_all_at(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::size_t> read_some(int fd, MutableByteView bytes) {
  while (true) {
    ssize_t n = ::read(fd, bytes.data(), bytes.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return errno_error(errno, "read");
  }
}

Result<Bytes> read_file(const std::string& path, std::uint64_t size_max) {
  auto fd = TRY(open_file(path, O_RDONLY));
  Bytes contents;
  std::size_t filled = 0;
  while (true) {
    if (filled > size_max) return make_error(Code::kOutOfRange, "{}: larger than {} bytes", path, size_max);
    contents.resize(filled + 64 * kKiB);
    auto n = TRY(read_some(fd.get(), MutableByteView(contents).subspan(filled)).with_context("{}", path));
    filled += n;
    if (n == 0) break;
  }
  contents.resize(filled);
  if (filled > size_max) return make_error(Code::kOutOfRange, "{}: larger than {} bytes", path, size_max);
  return contents;
}

Result<std::string> read_text(const std::string& path, std::uint64_t size_max) {
  auto bytes = TRY(read_file(path, size_max));
  return std::string(as_text(bytes));
}

Result<Secret> read_secret(const std::string& path, std::uint64_t size_max) {
  auto fd = TRY(open_file(path, O_RDONLY | O_NONBLOCK));  // to open a FIFO must not wait
  auto info = TRY(stat_fd(fd.get()).with_context("{}", path));
  if (!S_ISREG(info.st_mode)) return make_error(Code::kFailedPrecondition, "{} is not a plain file", path);
  if ((info.st_mode & 07777) != 0600) {
    return make_error(Code::kFailedPrecondition, "{} has mode {:04o}: others may read it; run `chmod 0600 {}`", path,
                      info.st_mode & 07777, path);
  }
  if (static_cast<std::uint64_t>(info.st_size) > size_max) {
    return make_error(Code::kOutOfRange, "{}: larger than {} bytes", path, size_max);
  }
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  auto read = read_exactly_at(fd.get(), {reinterpret_cast<std::byte*>(text.data()), text.size()}, 0);
  Secret secret(std::move(text));
  TRY(std::move(read).with_context("{}", path));
  return secret;
}

Result<void> replace_file(const std::string& path, ByteView contents, mode_t mode) {
  std::string temporary = temporary_sibling(path);
  auto written = write_new_file(temporary, contents, mode);
  if (written.ok()) written = rename_path(temporary, path);
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return std::move(written).with_context("replace {}", path);
  }
  return sync_folder(parent_folder(path));
}

Result<void> create_file(const std::string& path, ByteView contents, mode_t mode) {
  std::string temporary = temporary_sibling(path);
  auto written = write_new_file(temporary, contents, mode);
  if (written.ok() && ::link(temporary.c_str(), path.c_str()) != 0) written = errno_error(errno, fmt::format("create {}", path));
  ::unlink(temporary.c_str());
  if (!written.ok()) return written;
  return sync_folder(parent_folder(path));
}

Result<void> sync_fd(int fd) {
  if (fsync(fd) != 0) return errno_error(errno, "fsync");
  return {};
}

Result<void> sync_folder(const std::string& path) {
  auto fd = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  return sync_fd(fd.get()).with_context("{}", path);
}

Result<void> ensure_folder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT) {
    TRY(ensure_folder(parent_folder(path), mode));
    if (mkdir(path.c_str(), mode) == 0) return {};
  }
  if (errno != EEXIST) return errno_error(errno, fmt::format("make folder {}", path));
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("stat {}", path));
  if (!S_ISDIR(info.st_mode)) return errno_error(ENOTDIR, fmt::format("make folder {}", path));
  return {};
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return errno_error(errno, fmt::format("rename {} to {}", from, to));
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error(errno, fmt::format("remove {}", path));
  return {};
}

Result<void> remove_tree(const std::string& path) {
  struct stat info;
  std::string parent = parent_folder(path);
  if (::stat(parent.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return errno_error(errno, fmt::format("stat {}", parent));
  }
  return remove_tree_at(AT_FDCWD, path.c_str(), info.st_dev).with_context("remove {}", path);
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(path.c_str()), closedir);
  if (!entries) return errno_error(errno, fmt::format("read folder {}", path));
  std::vector<std::string> names;
  while (dirent* entry = readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> set_modified_time(const std::string& path, std::chrono::system_clock::time_point time) {
  auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const struct timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                    {.tv_sec = seconds.count(), .tv_nsec = (since - seconds).count()}};
  if (utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return errno_error(errno, fmt::format("utimensat {}", path));
  return {};
}

Result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return errno_error(errno, fmt::format("statvfs {}", path));
  return static_cast<std::uint64_t>(info.f_bfree) * info.f_frsize;
}

Result<ScratchFolder> ScratchFolder::create(const std::string& parent, std::string_view prefix) {
  std::string path = fmt::format("{}/{}{:016x}", parent, prefix, Random::secure().next());
  TRY(ensure_folder(path));
  return ScratchFolder(std::move(path));
}

ScratchFolder::~ScratchFolder() {
  if (!path_.empty()) (void)remove_tree(path_);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  auto fd = TRY(open_file(path, O_RDONLY));
  return map(fd.get()).with_context("{}", path);
}

Result<MappedFile> MappedFile::map(int fd) {
  auto size = TRY(file_size(fd));
  if (size == 0) return MappedFile(ByteView{});
  void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return errno_error(errno, "map");
  return MappedFile(ByteView(static_cast<const std::byte*>(at), size));
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(view_, other.view_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!view_.empty()) munmap(const_cast<std::byte*>(view_.data()), view_.size());
}

}  // namespace zeropull::os
