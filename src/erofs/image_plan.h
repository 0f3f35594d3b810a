// ImagePlan: where everything of a metadata image lies, computed from a tree before a byte is written, so that the writer
// streams from front to end.
//
//   superblock and device table | inodes, each with xattr places and chunk indexes or inline tail | shared xattrs | whole blocks
//   of directories and of long symlinks
//
// Inodes are ordered by breadth: the root, then directory after directory the children, by name; so the inodes of one
// directory's entries are neighbours. A directory's entries are kept here sorted, "." and ".." among them. All of it depends on
// the tree's content alone, never on the order in which it was made. Costs about 12 bytes an inode. Used by one image's writer.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "erofs/builder.h"
#include "erofs/paged_array.h"
#include "erofs/shared_xattrs.h"
#include "erofs/tree.h"

namespace zeropull::erofs {

// Entries that the tree does not hold.
inline constexpr EntryId kSelfEntry = UINT32_MAX;        // "."
inline constexpr EntryId kParentEntry = UINT32_MAX - 1;  // ".."

struct PlannedDirectory {
  NodeId node = kRootNode;
  std::uint32_t first = 0;  // its entries in ImagePlan::entry()
  std::uint32_t count = 0;
  std::uint32_t blocks = 0;      // all but the last
  std::uint32_t tail_first = 0;  // the entries from here on make the last block
  std::uint32_t tail_bytes = 0;
  std::uint64_t size = 0;
};

// What an inode takes on disk.
struct InodeShape {
  bool compact = false;
  std::uint16_t format = 0;      // layout's inode format
  std::uint64_t size = 0;        // as stat shows it
  std::uint32_t head_bytes = 0;  // inode and xattr places
  std::uint32_t chunk_bits = 0;  // of a chunk-based file, above the block's
  std::uint32_t chunks = 0;
  std::uint32_t tail_bytes = 0;  // inline
  std::uint32_t blocks = 0;      // whole ones, elsewhere
  std::uint64_t bytes() const;   // all but the blocks
};

class ImagePlan {
 public:
  // kInvalidArgument when a file's data do not lie on the devices; kResourceExhausted when the image passes a limit of the
  // format.
  static Result<ImagePlan> create(const Tree& tree, std::span<const DeviceInfo> devices);

  const Tree& tree() const { return *tree_; }
  const SharedXattrs& xattrs() const { return xattrs_; }
  Time build_time() const { return build_time_; }
  // Inodes in image order; walking them, the next directory inode is the next of directory().
  const PagedArray<NodeId>& inodes() const { return inodes_; }
  const PlannedDirectory& directory(std::uint32_t at) const { return directories_[at]; }
  EntryId entry(std::uint32_t at) const { return entries_[at]; }
  std::string_view entry_name(EntryId entry) const;
  // The block of a directory that begins with its entry `first`: where it ends, and the bytes it takes.
  struct BlockRun {
    std::uint32_t end;
    std::uint32_t bytes;
  };
  BlockRun block_from(const PlannedDirectory& directory, std::uint32_t first) const;
  NodeId entry_node(const PlannedDirectory& directory, EntryId entry) const;
  std::uint32_t nid(NodeId node) const { return nids_[node]; }
  // `directory` is what is planned for a directory's inode, else null.
  InodeShape shape(NodeId node, const PlannedDirectory* directory) const;

  std::uint64_t device_table_offset() const;
  std::uint64_t xattr_block() const { return xattr_block_; }
  std::uint64_t data_block() const { return data_block_; }
  std::uint64_t block_count() const { return block_count_; }

 private:
  explicit ImagePlan(const Tree& tree) : tree_(&tree), nids_(tree.node_limit()) {}
  Result<void> order_inodes(std::span<const DeviceInfo> devices);
  void order_entries(PlannedDirectory& directory);
  void pack_entries(PlannedDirectory& directory) const;
  void choose_build_time();
  Result<void> place(std::uint64_t inodes_offset);

  const Tree* tree_;
  PagedArray<NodeId> inodes_;
  PagedArray<PlannedDirectory> directories_;
  PagedArray<EntryId> entries_;
  std::vector<std::uint32_t> nids_;  // by NodeId; 0 before it is known
  SharedXattrs xattrs_;
  Time build_time_;
  std::uint64_t xattr_block_ = 0;
  std::uint64_t data_block_ = 0;
  std::uint64_t block_count_ = 0;
};

}  // namespace zeropull::erofs
