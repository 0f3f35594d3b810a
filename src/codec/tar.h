// TarReader: a streaming reader of tar archives, as image layers are: v7, ustar, star, PAX and GNU. Called from one thread, on a
// source of uncompressed bytes; owns one buffer of kTarBufferSize and opens nothing. Archives come from strangers: everything is
// checked, bounded by codec/limits.h, and errors name the byte where the entry's header stands.
//
// Wherever tar's dialects disagree the reader does as Go's archive/tar does, since containerd unpacks with that and the trees
// have to be equal: PAX records win over the header, an empty record keeps the header's value, a global PAX header changes
// nothing, a NUL type flag with a trailing slash is a directory (but a '0' is not), links, devices, folders and fifos have no
// data whatever their size says, an archive may end without its end marker, and data without its last padding. One thing goes
// beyond Go and containerd: the old GNU sparse format is read like the PAX ones.
//
//   TarReader reader(source);
//   for (;;) {
//     const std::optional<TarEntry> entry = TRY(reader.next());
//     if (!entry) break;
//     ...  // read_data() until it is empty, or not at all
//   }
//   TRY(reader.drain_rest());   // so that a HashingSource below has seen the whole stream
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/stream.h"

namespace zeropull::codec {

enum class TarType {
  kRegular,
  kHardLink,
  kSymlink,
  kCharDevice,
  kBlockDevice,
  kDirectory,
  kFifo,
  kUnsupported,  // containerd refuses these; type_flag says which
};

struct TarTime {
  std::int64_t seconds = 0;       // since 1970, possibly negative
  std::uint32_t nanoseconds = 0;  // 0 to 999'999'999, added to the seconds also when these are negative
  auto operator<=>(const TarTime&) const = default;
};

struct TarXattr {
  std::string name;   // whole, "security.capability"; never empty
  std::string value;  // raw bytes, possibly empty
  bool operator==(const TarXattr&) const = default;
};

struct SparseRegion {  // bytes of a sparse file that are in the archive; all others are zero
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const SparseRegion&) const = default;
};

struct TarEntry {
  TarType type = TarType::kRegular;
  char type_flag = '0';     // as in the header
  std::string path;         // raw bytes without NUL, at most kPathLengthMax; not cleaned: may be absolute, have "..", end in '/'
  std::string link_target;  // of hard links (a path in the archive) and symlinks; like path
  std::uint32_t mode = 0;   // permission, set-id and sticky bits alone: 0 to 07777
  std::uint32_t uid = 0;    // what lchown(2) makes of the archive's number: its low 32 bits, and 0 for -1
  std::uint32_t gid = 0;
  std::uint64_t size = 0;       // of the file, holes included; 0 for types without data
  std::uint64_t data_size = 0;  // bytes that read_data() yields: `size`, or the sum of the regions of a sparse file
  TarTime mtime;
  std::uint32_t device_major = 0;  // of devices
  std::uint32_t device_minor = 0;
  std::vector<TarXattr> xattrs;  // sorted by name, each name once
  bool sparse = false;
  std::vector<SparseRegion> regions;  // of a sparse file: ascending, not empty, not touching, all below `size`
};

struct TarHeader;  // codec/tar_header.h

class TarReader {
 public:
  explicit TarReader(ByteSource& source);  // which must outlive it
  ~TarReader();

  // The next entry, past what of the last one's data was not read; nullopt at the end of the archive. kDataLoss when the stream
  // is truncated or no tar, kInvalidArgument when it is beyond our limits. After an error the reader is not used again.
  Result<std::optional<TarEntry>> next();

  // The next bytes of the entry's data, as many as are at hand but at most `size_max`; empty after the last. They view the
  // reader's buffer and are valid until the next call. A sparse file yields the bytes of its regions one after the other.
  Result<ByteView> read_data(std::size_t size_max = std::numeric_limits<std::size_t>::max());

  // Reads the source to its end: a layer's diff id covers the bytes behind the end marker too. Returns how many were left.
  Result<std::uint64_t> drain_rest();

 private:
  struct Pending;  // what the extension headers before an entry say of it

  Result<std::optional<TarEntry>> read_entry();
  Result<TarEntry> make_entry(const TarHeader& header, const Pending& pending);
  Result<void> read_sparse_map(const TarHeader& header, const Pending& pending, TarEntry& entry);
  Result<std::vector<SparseRegion>> read_old_sparse_map(const TarHeader& header);
  Result<std::vector<SparseRegion>> read_sparse_map_1_0();
  Result<std::optional<TarHeader>> read_header();             // nullopt at the end of the archive
  Result<std::string> read_special(const TarHeader& header);  // the body of an extension header
  void set_data_size(std::uint64_t size);

  Result<bool> require(std::size_t size);  // buffers at least this much, at most a block; false when the stream ends before
  Result<ByteView> take_block();           // the next block, valid until the next call
  Result<bool> skip_entry();               // what is left of its data and padding; false when the stream ends in the padding
  std::uint64_t position() const { return buffer_end_ - (end_ - begin_); }
  Error truncated(std::string_view where) const;

  ByteSource& source_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  // the bytes not consumed are buffer_[begin_, end_)
  std::size_t end_ = 0;
  std::uint64_t buffer_end_ = 0;   // the position in the stream of end_
  std::uint64_t data_left_ = 0;    // of the entry's data in the archive
  std::uint64_t padding_ = 0;      // behind it
  std::uint64_t entry_start_ = 0;  // the position of the entry's header, for errors
  bool ended_ = false;
};

}  // namespace zeropull::codec
