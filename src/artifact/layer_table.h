// Layer tree table: the tree of one layer as a file (docs/formats/layer-table.md): all that merging needs of the layer, so that
// any prefix of an image's layers can be mounted without its archives. The unpacker writes it in its sandbox; LayerTable reads
// it in place, from a mapping, when layers are merged.
//
// A table may have come from a store and through that sandbox: open() checks all of it once, in one pass, and everything that
// the accessors give afterwards is in bounds. What is checked: every number and name is one that a file system can hold, folders
// form a tree, places lie in the blob. Immutable and callable from any thread; views live as long as the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "artifact/blob_writer.h"
#include "artifact/layer_tree.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "erofs/tree.h"

namespace zeropull::artifact {

// Where the layer's file contents rest.
struct LayerBlob {
  BlobId id;
  std::uint64_t size = 0;  // 0: the layer has no contents, and no blob
};

Result<void> write_layer_table(const LayerTree& tree, const LayerBlob& blob, BlobWriter& out);

using LayerNode = std::uint32_t;  // number of an inode in a table; the root is 0

struct LayerInode {
  std::uint16_t mode = 0;            // type and permissions
  std::uint8_t directory_flags = 0;  // kDirectoryOpaque ..
  bool shared = false;               // has more than one name
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  erofs::Time mtime;
  std::uint32_t xattrs = 0;       // for LayerTable::xattrs(); 0 for none
  std::uint64_t size = 0;         // regular files
  std::uint64_t blob_offset = 0;  // regular files that are not empty
  std::string_view target;        // symlinks
  erofs::DeviceNumber rdev;       // devices
  std::uint32_t first_name = 0;   // directories: their names are first_name .. first_name + name_count - 1, ascending
  std::uint32_t name_count = 0;
  bool is_directory() const { return S_ISDIR(mode); }
  bool is_whiteout() const { return artifact::is_whiteout(mode, rdev); }
};

class LayerTable {
 public:
  // kDataLoss when the bytes are no table of a version that we know, or break a rule of it.
  static Result<LayerTable> open(ByteView bytes);

  const LayerBlob& blob() const { return blob_; }
  std::uint32_t inode_count() const { return inode_count_; }
  std::uint32_t name_count() const { return name_count_; }
  LayerInode inode(LayerNode node) const;
  std::string_view name(std::uint32_t number) const;
  LayerNode node(std::uint32_t number) const;  // that this name is of
  std::optional<LayerNode> lookup(LayerNode directory, std::string_view name) const;
  std::vector<erofs::Xattr> xattrs(std::uint32_t set) const;  // by name

 private:
  struct Checker;
  LayerTable() = default;
  std::string_view text(std::uint64_t offset, std::uint64_t size) const;

  LayerBlob blob_;
  std::uint32_t inode_count_ = 0;
  std::uint32_t name_count_ = 0;
  ByteView inodes_;
  ByteView names_;
  ByteView texts_;
  ByteView xattrs_;
};

}  // namespace zeropull::artifact
