// The xattrs of a layer's entries as they end up on the ext4 file that containerd extracts: which of an archive's setxattr(2)
// stores, drops or refuses, and what becomes of POSIX ACLs, which are tied to a file's mode (fs/xattr.c, fs/posix_acl.c and
// security/commoncap.c of Linux). Pure functions.
#pragma once

#include <sys/types.h>

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "codec/tar.h"

namespace zeropull::artifact {

using XattrMap = std::map<std::string, std::string, std::less<>>;  // whole name -> value

// Sets an archive's xattrs on a file of this type (S_IFMT bits). Those of trusted. and of unknown prefixes are left out,
// as are user. ones on anything but files and folders; a broken ACL or file capability is kInvalidArgument.
Result<void> set_xattrs(std::span<const codec::TarXattr> from, mode_t type, XattrMap& to);

// What a new file of this type takes from its folder's default ACL. chmod_acl() is due afterwards.
void inherit_acls(const XattrMap& folder, mode_t type, XattrMap& to);

// chmod(2): the access ACL follows the mode.
void chmod_acl(mode_t mode, XattrMap& xattrs);

// chown(2) of anything but a folder takes the file capabilities away.
void chown_xattrs(XattrMap& xattrs);

}  // namespace zeropull::artifact
