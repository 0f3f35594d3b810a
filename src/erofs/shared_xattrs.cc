#include "erofs/shared_xattrs.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/units.h"
#include "erofs/layout.h"

namespace zeropull::erofs {

namespace {

struct Key {
  std::uint8_t index;
  std::string_view suffix;
  std::string_view value;
  auto operator<=>(const Key&) const = default;
};

Key key_of(const Xattr& xattr) {
  const XattrName name = split_xattr_name(xattr.name);
  return {name.index, name.suffix, xattr.value};
}

void append(Bytes& area, const Key& key) {
  const layout::XattrEntry entry{.name_size = static_cast<std::uint8_t>(key.suffix.size()),
                                 .name_index = key.index,
                                 .value_size = static_cast<std::uint16_t>(key.value.size())};
  const ByteView parts[] = {std::as_bytes(std::span(&entry, 1)), as_bytes(key.suffix), as_bytes(key.value)};
  for (ByteView part : parts) area.insert(area.end(), part.begin(), part.end());
  area.resize(align_up(area.size(), layout::kXattrAlignment));
}

}  // namespace

Result<SharedXattrs> SharedXattrs::create(const Tree& tree, const PagedArray<NodeId>& inodes) {
  SharedXattrs shared;
  std::vector<bool> used;
  for (std::uint32_t i = 0; i < inodes.size(); ++i) {
    const XattrSetId set = tree.inode(inodes[i]).xattrs;
    if (set >= used.size()) used.resize(set + 1);
    used[set] = true;
  }
  std::map<Key, std::uint32_t> place_of;
  for (XattrSetId set = 0; set < used.size(); ++set) {
    if (!used[set]) continue;
    for (const Xattr& xattr : tree.xattrs(set)) place_of.try_emplace(key_of(xattr));
  }
  for (auto& [key, place] : place_of) {
    if (shared.area_.size() / layout::kXattrAlignment > UINT32_MAX) {
      return make_error(Code::kResourceExhausted, "the xattrs of the tree take more than 16 GiB");
    }
    place = static_cast<std::uint32_t>(shared.area_.size() / layout::kXattrAlignment);
    append(shared.area_, key);
  }
  shared.sets_.resize(used.size());
  for (XattrSetId set = 0; set < used.size(); ++set) {
    if (!used[set]) continue;
    const std::vector<Xattr> xattrs = tree.xattrs(set);
    shared.sets_[set] = {static_cast<std::uint32_t>(shared.places_.size()), static_cast<std::uint32_t>(xattrs.size())};
    for (const Xattr& xattr : xattrs) shared.places_.push_back(place_of.at(key_of(xattr)));
  }
  return shared;
}

std::span<const std::uint32_t> SharedXattrs::places(XattrSetId set) const {
  return std::span(places_).subspan(sets_[set].first, sets_[set].count);
}

std::uint32_t SharedXattrs::inline_bytes(XattrSetId set) const {
  if (set == kNoXattrs) return 0;
  return static_cast<std::uint32_t>(sizeof(layout::XattrHeader) + sets_[set].count * sizeof(std::uint32_t));
}

}  // namespace zeropull::erofs
