// Inode: what is known of one inode of a tree, and the rules that its fields keep so that EROFS can hold it. Plain values.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "erofs/limits.h"

namespace zeropull::erofs {

using XattrSetId = std::uint32_t;  // of a Tree's xattr set
inline constexpr XattrSetId kNoXattrs = 0;

struct Time {
  std::int64_t seconds = 0;  // since 1970, never negative: callers map what EROFS cannot hold
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Time&) const = default;
};

struct DeviceNumber {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  bool operator==(const DeviceNumber&) const = default;
};

// A piece of a sparse file that rests in the blob. See sparse_chunk_size().
struct Extent {
  std::uint64_t file_offset = 0;
  std::uint64_t length = 0;
  std::uint64_t blob_offset = 0;
  bool operator==(const Extent&) const = default;
};

// Where a regular file's bytes rest.
//   empty, or all hole: device 0 and nothing else.
//   contiguous: device and blob_offset (of a block), no extents; the blob holds the whole file, and zeros up to the end of the
//   file's last block.
//   sparse: device and extents, no blob_offset.
struct FileData {
  std::uint16_t device = 0;  // number of the data device, from 1; 0 is none
  std::uint64_t blob_offset = 0;
  std::span<const Extent> extents = {};
};

// One inode, in both directions: what Tree::insert() takes and Tree::inode() gives. Fields that the type has no use for are
// empty.
struct Inode {
  std::uint16_t mode = 0;  // st_mode: type and permissions
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Time mtime = {};
  XattrSetId xattrs = kNoXattrs;
  std::uint64_t size = 0;        // regular files
  FileData data = {};            // regular files
  std::string_view target = {};  // symlinks
  DeviceNumber rdev = {};        // character and block devices

  bool is_directory() const { return S_ISDIR(mode); }
  bool is_regular() const { return S_ISREG(mode); }
  bool is_symlink() const { return S_ISLNK(mode); }
  bool is_device() const { return S_ISCHR(mode) || S_ISBLK(mode); }
};

// The chunk size of a sparse file of `size` bytes: kBlockSize, doubled until at most kSparseChunksMax chunks make the file.
//
// The contract with whoever places data in a blob: a chunk that holds any data is stored whole (zeros included), from the
// beginning of a block; only the file's last chunk ends early, with the file (the blob goes on with zeros to the end of that
// block). Chunks without data are left out and read as zeros. So an extent begins at a multiple of the chunk size, its length
// is a multiple too or reaches the file's end, and its chunks follow one another in the blob. Extents ascend and do not overlap.
std::uint64_t sparse_chunk_size(std::uint64_t size);

// kInvalidArgument says which field breaks which rule.
Result<void> check_inode(const Inode& inode);
// A directory entry's name: 1 to kNameMax bytes without '/' and NUL, not "." or "..".
Result<void> check_name(std::string_view name);

}  // namespace zeropull::erofs
