#include "artifact/layer_xattrs.h"

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "erofs/tree.h"

namespace zeropull::artifact {
namespace {

constexpr std::string_view kAccessAcl = "system.posix_acl_access";
constexpr std::string_view kDefaultAcl = "system.posix_acl_default";
constexpr std::string_view kCapability = "security.capability";

// linux/posix_acl_xattr.h: a version, then entries of tag, permissions and id, all little-endian.
constexpr std::uint32_t kAclVersion = 2;
constexpr std::size_t kAclHeaderSize = 4;
constexpr std::size_t kAclEntrySize = 8;
constexpr std::uint32_t kNoId = UINT32_MAX;
enum AclTag : std::uint16_t { kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 16, kOther = 32 };

struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};
using Acl = std::vector<AclEntry>;

std::uint32_t load32(std::string_view text, std::size_t at) { return load_le<std::uint32_t>(as_bytes(text).data() + at); }
std::uint16_t load16(std::string_view text, std::size_t at) { return load_le<std::uint16_t>(as_bytes(text).data() + at); }

// posix_acl_xattr_count() and posix_acl_from_xattr(), without the version; nullopt where the kernel says EINVAL.
std::optional<Acl> parse_acl(std::string_view value) {
  if (value.size() < kAclHeaderSize || (value.size() - kAclHeaderSize) % kAclEntrySize != 0) return std::nullopt;
  Acl acl;
  for (std::size_t at = kAclHeaderSize; at < value.size(); at += kAclEntrySize) {
    AclEntry entry{load16(value, at), load16(value, at + 2), load32(value, at + 4)};
    const bool named = entry.tag == kUser || entry.tag == kGroup;
    if (named && entry.id == kNoId) return std::nullopt;
    if (!named) entry.id = kNoId;
    acl.push_back(entry);
  }
  return acl;
}

// posix_acl_valid(): one entry each for owner, group and others, named ones behind owner and group, a mask where any is named.
bool is_valid(const Acl& acl) {
  std::uint16_t next = kUserObj;  // the tag before which the list stands
  bool needs_mask = false;
  for (const AclEntry& entry : acl) {
    if ((entry.permissions & ~7U) != 0) return false;
    switch (entry.tag) {
      case kUserObj:
        if (next != kUserObj) return false;
        next = kUser;
        break;
      case kUser:
        if (next != kUser) return false;
        needs_mask = true;
        break;
      case kGroupObj:
        if (next != kUser) return false;
        next = kGroup;
        break;
      case kGroup:
        if (next != kGroup) return false;
        needs_mask = true;
        break;
      case kMask:
        if (next != kGroup) return false;
        next = kOther;
        break;
      case kOther:
        if (next != kOther && (next != kGroup || needs_mask)) return false;
        next = 0;
        break;
      default: return false;
    }
  }
  return next == 0;
}

// Whether it says no more than a mode does; such an access ACL is not stored.
bool equals_a_mode(const Acl& acl) {
  for (const AclEntry& entry : acl) {
    if (entry.tag != kUserObj && entry.tag != kGroupObj && entry.tag != kOther) return false;
  }
  return true;
}

std::string format_acl(const Acl& acl) {
  Bytes bytes(kAclHeaderSize + acl.size() * kAclEntrySize);
  store_le(bytes.data(), kAclVersion);
  std::byte* at = bytes.data() + kAclHeaderSize;
  for (const AclEntry& entry : acl) {
    store_le(at, entry.tag);
    store_le(at + 2, entry.permissions);
    store_le(at + 4, entry.id);
    at += kAclEntrySize;
  }
  return std::string(as_text(bytes));
}

Result<void> set_acl(const codec::TarXattr& xattr, mode_t type, XattrMap& to) {
  if (type == S_IFLNK) return {};
  if (!xattr.value.empty()) {
    if (xattr.value.size() >= kAclHeaderSize && load32(xattr.value, 0) != kAclVersion) return {};  // EOPNOTSUPP
    const auto acl = parse_acl(xattr.value);
    if (!acl || (!acl->empty() && !is_valid(*acl)))
      return make_error(Code::kInvalidArgument, "{} is not a valid ACL", xattr.name);
    if (xattr.name == kDefaultAcl && type != S_IFDIR && !acl->empty()) {
      return make_error(Code::kInvalidArgument, "{} on something that is no directory", xattr.name);
    }
    if (!acl->empty() && !(xattr.name == kAccessAcl && equals_a_mode(*acl))) {
      to.insert_or_assign(xattr.name, format_acl(*acl));
      return {};
    }
  }
  to.erase(xattr.name);
  return {};
}

// cap_convert_nscap(): revision 2 with 20 bytes or revision 3 with 24.
bool is_valid_capability(std::string_view value) {
  if (value.size() != 20 && value.size() != 24) return false;
  const std::uint32_t revision = load32(value, 0) >> 24;
  return revision == (value.size() == 20 ? 2U : 3U);
}

}  // namespace

Result<void> set_xattrs(std::span<const codec::TarXattr> from, mode_t type, XattrMap& to) {
  for (const codec::TarXattr& xattr : from) {
    if (xattr.name == kAccessAcl || xattr.name == kDefaultAcl) {
      TRY(set_acl(xattr, type, to));
      continue;
    }
    // Ours to hide: a layer must not steer the overlay that is mounted above.
    if (xattr.name.starts_with("trusted.") || !erofs::xattr_name_supported(xattr.name)) continue;
    if (xattr.name.starts_with("user.") && type != S_IFREG && type != S_IFDIR) continue;
    if (xattr.name == kCapability && !xattr.value.empty() && !is_valid_capability(xattr.value)) {
      return make_error(Code::kInvalidArgument, "security.capability is not a valid file capability");
    }
    to.insert_or_assign(xattr.name, xattr.value);
  }
  return {};
}

void inherit_acls(const XattrMap& folder, mode_t type, XattrMap& to) {
  const auto inherited = folder.find(kDefaultAcl);
  if (inherited == folder.end() || type == S_IFLNK) return;
  if (type == S_IFDIR) to.insert_or_assign(std::string(kDefaultAcl), inherited->second);
  const auto acl = parse_acl(inherited->second);
  if (acl && !equals_a_mode(*acl)) to.insert_or_assign(std::string(kAccessAcl), inherited->second);
}

void chmod_acl(mode_t mode, XattrMap& xattrs) {
  const auto access = xattrs.find(kAccessAcl);
  if (access == xattrs.end()) return;
  auto acl = parse_acl(access->second);
  if (!acl) return;
  AclEntry* group = nullptr;  // whom the mode's group bits mean: the mask, or without one the group
  for (AclEntry& entry : *acl) {
    if (entry.tag == kUserObj) entry.permissions = static_cast<std::uint16_t>(mode >> 6 & 7);
    if (entry.tag == kOther) entry.permissions = static_cast<std::uint16_t>(mode & 7);
    if (entry.tag == kMask || (entry.tag == kGroupObj && group == nullptr)) group = &entry;
  }
  if (group != nullptr) group->permissions = static_cast<std::uint16_t>(mode >> 3 & 7);
  access->second = format_acl(*acl);
}

void chown_xattrs(XattrMap& xattrs) {
  const auto capability = xattrs.find(kCapability);
  if (capability != xattrs.end()) xattrs.erase(capability);
}

}  // namespace zeropull::artifact
