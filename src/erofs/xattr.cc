#include "erofs/xattr.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "erofs/layout.h"

namespace zeropull::erofs {

namespace {

struct Prefix {
  std::string_view text;
  std::uint8_t index;
  bool whole;  // the name is the prefix and nothing more
};
constexpr std::array kPrefixes{
    Prefix{"user.", layout::kXattrIndexUser, false},
    Prefix{"security.", layout::kXattrIndexSecurity, false},
    Prefix{"trusted.", layout::kXattrIndexTrusted, false},
    Prefix{"system.posix_acl_access", layout::kXattrIndexAclAccess, true},
    Prefix{"system.posix_acl_default", layout::kXattrIndexAclDefault, true},
};

Result<void> check_xattr(const Xattr& xattr) {
  const bool fit_name = xattr.name.size() <= kXattrNameMax && xattr.name.find('\0') == std::string_view::npos;
  if (!fit_name || !xattr_name_supported(xattr.name)) {
    return make_error(Code::kInvalidArgument, "EROFS cannot hold an xattr of the name \"{}\"", xattr.name);
  }
  if (xattr.value.size() > kXattrValueMax) {
    return make_error(Code::kInvalidArgument, "xattr {} of {} bytes: {} are the most", xattr.name, xattr.value.size(),
                      kXattrValueMax);
  }
  return {};
}

// A packed set: for each xattr two 16-bit lengths, the name and the value.
constexpr std::size_t kPackedHead = 4;

void pack(std::string& to, const Xattr& xattr) {
  std::array<std::byte, kPackedHead> head;
  store_le(head.data(), static_cast<std::uint16_t>(xattr.name.size()));
  store_le(head.data() + 2, static_cast<std::uint16_t>(xattr.value.size()));
  to.append(as_text(head)).append(xattr.name).append(xattr.value);
}

}  // namespace

XattrName split_xattr_name(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (!name.starts_with(prefix.text)) continue;
    std::string_view suffix = name.substr(prefix.text.size());
    if (suffix.empty() == prefix.whole) return {prefix.index, suffix};
  }
  return {};
}

Result<XattrSetId> XattrSets::intern(std::span<const Xattr> xattrs) {
  if (xattrs.empty()) return kNoXattrs;
  if (xattrs.size() > kXattrsPerInodeMax) {
    return make_error(Code::kInvalidArgument, "{} xattrs of one inode: {} are the most", xattrs.size(), kXattrsPerInodeMax);
  }
  std::vector<Xattr> sorted(xattrs.begin(), xattrs.end());
  std::sort(sorted.begin(), sorted.end());
  std::string packed;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    TRY(check_xattr(sorted[i]));
    if (i > 0 && sorted[i].name == sorted[i - 1].name) {
      return make_error(Code::kInvalidArgument, "xattr {} comes twice", sorted[i].name);
    }
    pack(packed, sorted[i]);
  }
  auto [at, added] = ids_.try_emplace(std::move(packed), static_cast<XattrSetId>(packed_.size() + 1));
  if (added) packed_.push_back(&at->first);
  return at->second;
}

std::vector<Xattr> XattrSets::get(XattrSetId set) const {
  CHECK(has(set));
  std::vector<Xattr> xattrs;
  if (set == kNoXattrs) return xattrs;
  std::string_view rest = *packed_[set - 1];
  while (!rest.empty()) {
    const std::byte* head = as_bytes(rest).data();
    const std::size_t name_size = load_le<std::uint16_t>(head);
    const std::size_t value_size = load_le<std::uint16_t>(head + 2);
    rest.remove_prefix(kPackedHead);
    xattrs.push_back({rest.substr(0, name_size), rest.substr(name_size, value_size)});
    rest.remove_prefix(name_size + value_size);
  }
  return xattrs;
}

}  // namespace zeropull::erofs
