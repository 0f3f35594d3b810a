// Xattrs of inodes: the names that EROFS can hold, and XattrSets, which gives each distinct set of xattrs a small number.
// Almost all inodes of an image have none or one of a few sets. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "erofs/inode.h"
#include "erofs/limits.h"

namespace zeropull::erofs {

struct Xattr {
  std::string_view name;  // "user.comment", "security.capability", "system.posix_acl_access"
  std::string_view value;
  auto operator<=>(const Xattr&) const = default;
};

// A name as EROFS writes it: the number of a known prefix, and the rest.
struct XattrName {
  std::uint8_t index = 0;  // 0: EROFS cannot hold this name
  std::string_view suffix;
};
XattrName split_xattr_name(std::string_view name);

// Whether EROFS can hold an xattr of this name: user., security. and trusted. with something behind them, and the two ACLs
// (whose values rest in the form of the xattr). A caller that merges images leaves others out.
inline bool xattr_name_supported(std::string_view name) { return split_xattr_name(name).index != 0; }

class XattrSets {
 public:
  // The id of this set of xattrs in any order; kNoXattrs for none. kInvalidArgument for names EROFS cannot hold, doubles,
  // and what is above the limits.
  Result<XattrSetId> intern(std::span<const Xattr> xattrs);
  // By name; views live as long as this object.
  std::vector<Xattr> get(XattrSetId set) const;
  bool has(XattrSetId set) const { return set <= packed_.size(); }

 private:
  std::unordered_map<std::string, XattrSetId> ids_;  // packed set -> id; its keys do not move
  std::vector<const std::string*> packed_;           // [id - 1]
};

}  // namespace zeropull::erofs
