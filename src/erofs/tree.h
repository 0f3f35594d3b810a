// Tree: a file tree in memory, made for being merged from layers and then written as an EROFS image.
//
// Inodes are numbered (NodeId; the root is 0) and reached by names: an entry joins a directory, a name and an inode, and
// several entries of one inode are hard links. An inode of a typical image costs about 100 bytes with its name and its place in
// the lookup table; names, symlink targets and xattr sets lie in arenas, an equal xattr set once. insert() has the meaning of a
// layer's entry over what lower layers left: a directory over a directory keeps its children, anything else replaces the whole
// subtree. A directory of a million entries is as quick as a million directories: one hash table holds all names.
//
// File contents are not here: an inode says where they rest on a data device (a layer's blob).
//
// Outside data ends here: insert() and intern_xattrs() check every name, size and number (inode.h), so that a Tree holds
// nothing that the writer cannot write, except for places beyond the end of a device (write_image() checks these). Ids are the
// caller's own: one that the tree did not give, or of another type than asked for, is a broken invariant. One thread at a time;
// views and Inode values read from a tree are valid until it changes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "erofs/inode.h"
#include "erofs/paged_array.h"
#include "erofs/text_arena.h"
#include "erofs/xattr.h"

namespace zeropull::erofs {

using NodeId = std::uint32_t;
using EntryId = std::uint32_t;

inline constexpr NodeId kRootNode = 0;

class Tree {
 public:
  Tree();  // a root directory 0755 0:0, time 0

  // Puts an inode under a name of a directory. What had the name goes, with its subtree; but a directory that comes over a
  // directory only gives it its attributes: the node and its children stay. kInvalidArgument when the name or a field breaks a
  // rule; the tree is then unchanged.
  Result<NodeId> insert(NodeId directory, std::string_view name, const Inode& inode);
  // Gives an inode one more name; what had the name goes. kInvalidArgument for a directory.
  Result<void> link(NodeId directory, std::string_view name, NodeId node);
  // Removes a name with its subtree; false when there is none. An inode goes with its last name, and its id may come again.
  bool remove(NodeId directory, std::string_view name);
  void remove_children(NodeId directory);
  // Replaces permissions, owner, time and xattrs of an inode of the same type; also the root's.
  Result<void> set_attributes(NodeId node, const Inode& attributes);

  // Xattrs are given to inodes as sets (XattrSets).
  Result<XattrSetId> intern_xattrs(std::span<const Xattr> xattrs) { return xattr_sets_.intern(xattrs); }
  std::vector<Xattr> xattrs(XattrSetId set) const { return xattr_sets_.get(set); }

  std::optional<NodeId> lookup(NodeId directory, std::string_view name) const;
  Inode inode(NodeId node) const;
  bool is_directory(NodeId node) const { return S_ISDIR(nodes_[node].mode); }
  std::uint32_t link_count(NodeId node) const;    // st_nlink: names, or 2 + subdirectories
  NodeId parent(NodeId directory) const;          // the root's is the root
  std::string_view name(NodeId directory) const;  // of a directory in its parent; the root's is empty
  std::uint32_t node_count() const { return node_count_; }
  NodeId node_limit() const { return nodes_.size(); }  // above every id: the size of an array by NodeId

  // for (auto [name, node, entry] : tree.children(directory)): in no particular order.
  struct Child {
    std::string_view name;
    NodeId node;
    EntryId entry;
  };
  class Children;
  Children children(NodeId directory) const;
  Child child(EntryId entry) const { return {texts_.at(entries_[entry].name), entries_[entry].node, entry}; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint16_t kSparseFlag = 0x8000;  // in Node::device, above kDevicesMax: place is a range of extents_

  struct Pair {
    std::uint32_t first;
    std::uint32_t second;
  };
  struct Node {
    std::uint16_t mode;
    std::uint16_t device;  // of regular files
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint32_t mtime_nanoseconds;
    std::int64_t mtime_seconds;
    std::uint64_t size;   // of regular files
    std::uint32_t links;  // names; of a directory its subdirectories
    XattrSetId xattrs;
    union {
      std::uint64_t blob_offset;  // of a contiguous file
      Pair pair;                  // see the names below
    } place;
    std::uint32_t& first_child() { return place.pair.first; }
    std::uint32_t& own_entry() { return place.pair.second; }  // of a directory; kNone for the root
    std::uint32_t& next_free() { return place.pair.first; }
  };
  struct Entry {
    NodeId directory;
    NodeId node;
    std::uint32_t name;  // in texts_
    EntryId next;        // sibling; of a free entry the next free one
    EntryId previous;
  };

  Result<Node> make_node(const Inode& inode);  // may add a text and extents
  Result<std::uint32_t> name_text(EntryId existing, std::string_view name);
  NodeId add_node(const Node& node);
  void add_entry(NodeId directory, std::uint32_t name, NodeId node);
  void remove_entry(EntryId entry);  // with its subtree
  void drop_entry(EntryId entry);    // whose node has no children
  EntryId first_child(NodeId directory) const;

  std::uint64_t hash(NodeId directory, std::string_view name) const;
  std::uint32_t find_slot(NodeId directory, std::string_view name) const;  // the entry's, or the free one where it would go
  void grow_slots();
  void erase_slot(std::uint32_t slot);

  PagedArray<Node> nodes_;
  PagedArray<Entry> entries_;
  TextArena texts_;              // names and symlink targets
  std::vector<Extent> extents_;  // of all sparse files; those of removed files stay
  XattrSets xattr_sets_;
  std::vector<EntryId> slots_;  // open addressing by (directory, name); a power of two, at most 3/4 full
  std::uint64_t hash_seed_;     // random, so that nobody can choose names that collide; no output depends on it
  std::uint32_t node_count_ = 0;
  std::uint32_t entry_count_ = 0;
  NodeId free_node_ = kNone;  // heads of lists
  EntryId free_entry_ = kNone;
};

class Tree::Children {
 public:
  class Iterator {
   public:
    Iterator(const Tree* tree, EntryId entry) : tree_(tree), entry_(entry) {}
    Child operator*() const { return tree_->child(entry_); }
    Iterator& operator++() {
      entry_ = tree_->entries_[entry_].next;
      return *this;
    }
    bool operator==(const Iterator& other) const { return entry_ == other.entry_; }

   private:
    const Tree* tree_;
    EntryId entry_;
  };
  Children(const Tree* tree, EntryId first) : tree_(tree), first_(first) {}
  Iterator begin() const { return {tree_, first_}; }
  Iterator end() const { return {tree_, kNone}; }

 private:
  const Tree* tree_;
  EntryId first_;
};

inline Tree::Children Tree::children(NodeId directory) const { return {this, first_child(directory)}; }

}  // namespace zeropull::erofs
