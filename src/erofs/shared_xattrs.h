// SharedXattrs: the image's shared xattr area. Every distinct (name, value) that an inode of the tree has is written once;
// an inode holds the places of its own. Unique ones go the same way: they cost four bytes more than behind their inode, and the
// writer and every reader have one case. The area's bytes depend on the tree's content alone. Used by one image's writer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "erofs/tree.h"

namespace zeropull::erofs {

class SharedXattrs {
 public:
  // Collects the xattrs of these inodes of the tree. kResourceExhausted when they pass what 32 bits address (16 GiB).
  static Result<SharedXattrs> create(const Tree& tree, const PagedArray<NodeId>& inodes);

  const Bytes& area() const { return area_; }
  // The places of a set's xattrs, in units of layout::kXattrAlignment from the area's beginning.
  std::span<const std::uint32_t> places(XattrSetId set) const;
  // What a set takes behind its inode: nothing, or a header and its places.
  std::uint32_t inline_bytes(XattrSetId set) const;

 private:
  struct Set {
    std::uint32_t first;
    std::uint32_t count;
  };
  Bytes area_;
  std::vector<std::uint32_t> places_;
  std::vector<Set> sets_;  // by XattrSetId; empty for sets that no inode has
};

}  // namespace zeropull::erofs
