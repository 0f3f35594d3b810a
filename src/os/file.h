// Files and folders: whole reads and writes, durable replacement, folders opened beneath one another. Names that outside data
// chose go through openat2 and never through a plain path. All functions block on the disk and are thread-safe.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "os/fd.h"

namespace zeropull::os {

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0600);  // O_CLOEXEC is added

// How openat2 may resolve a name below a folder: kBeneath refuses every way out (also absolute symlinks), for what we lay out
// ourselves; kInRoot treats the folder as "/", for names inside an image's root. Both refuse magic links.
enum class Resolve { kBeneath, kInRoot };
Result<UniqueFd> open_at(const UniqueFd& folder, const std::string& name, int flags, Resolve resolve, mode_t mode = 0600);

Result<struct stat> stat_fd(int fd);
Result<struct stat> stat_path(const std::string& path);  // follows symlinks
bool exists(const std::string& path);                    // a name without following its symlink
Result<std::uint64_t> file_size(int fd);
Result<void> set_file_size(int fd, std::uint64_t size);  // cuts, or grows by a hole
Result<void> punch_hole(int fd, std::uint64_t end);      // gives the bytes before `end` back to the disk; they read as zeros
Result<std::uint64_t> next_data(int fd, std::uint64_t offset);  // the first byte from there on that is no hole; else the size

// Transfers exactly `bytes`; a file that ends early is kDataLoss. Retries EINTR and short counts.
Result<void> read_exactly_at(int fd, MutableByteView bytes, std::uint64_t offset);
Result<void> write_all_at(int fd, ByteView bytes, std::uint64_t offset);
Result<void> write_all(int fd, ByteView bytes);
Result<std::size_t> read_some(int fd, MutableByteView bytes);  // 0 at the end

Result<Bytes> read_file(const std::string& path, std::uint64_t size_max);  // kOutOfRange when larger
Result<std::string> read_text(const std::string& path, std::uint64_t size_max);
// The same for a plain file with a key or a token: kFailedPrecondition, and what to do, unless its mode is 0600.
Result<Secret> read_secret(const std::string& path, std::uint64_t size_max);

// Writes a temporary sibling, fsyncs it, renames it over `path` and fsyncs the folder: readers see the old or the new file,
// whole, also after a crash.
Result<void> replace_file(const std::string& path, ByteView contents, mode_t mode = 0600);
// Creates `path` with these contents, durably; kAlreadyExists when it is there.
Result<void> create_file(const std::string& path, ByteView contents, mode_t mode = 0600);

Result<void> sync_fd(int fd);                                              // fsync
Result<void> sync_folder(const std::string& path);                         // makes renames and creations in it durable
Result<void> ensure_folder(const std::string& path, mode_t mode = 0700);   // with its parents
Result<void> rename_path(const std::string& from, const std::string& to);  // replaces a file; folders must be empty
Result<void> remove_file(const std::string& path);                         // absent is fine
Result<void> remove_tree(const std::string& path);  // never crosses a mount or follows a symlink; absent is fine
Result<std::vector<std::string>> list_folder(const std::string& path);  // names without . and .., sorted
Result<void> set_modified_time(const std::string& path, std::chrono::system_clock::time_point time);
Result<std::uint64_t> free_bytes(const std::string& path);  // what statvfs grants to root

// A file in memory that ends with its descriptor; "/proc/self/fd/N" is a path to it, for libraries that want one.
Result<UniqueFd> create_memory_file(ByteView content);

// "/a" of "/a/b", "/" of "/a", "." of "a".
std::string parent_folder(const std::string& path);

// A folder of the process's own below `parent`, removed with everything in it at the end of scope.
class ScratchFolder {
 public:
  static Result<ScratchFolder> create(const std::string& parent, std::string_view prefix);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A read-only mapping of a whole file. Reading a mapped page whose disk fails raises SIGBUS: map only files of our own folders.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  static Result<MappedFile> map(int fd);  // which may be closed afterwards
  MappedFile(MappedFile&& other) noexcept : view_(std::exchange(other.view_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  ByteView bytes() const { return view_; }

 private:
  explicit MappedFile(ByteView view) : view_(view) {}
  ByteView view_;
};

}  // namespace zeropull::os
