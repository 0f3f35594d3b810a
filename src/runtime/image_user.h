// Who a container's process is: an image's USER ("name|uid[:group|gid]") looked up in the image's own /etc/passwd and /etc/group,
// with the rules of containerd's client (oci.WithUser, oci.WithAdditionalGIDs) and of the parser that it uses (runc's
// libcontainer/user): fields that are missing or no number are 0, the first match wins. Files are opened inside the image's root
// only, whatever symbolic links the image has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace zeropull::runtime {

struct ProcessUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids = {};  // gid first where the list does not hold it
  bool operator==(const ProcessUser&) const = default;
};

// `root` is the image's root folder. An empty `user` is root with root's groups. A name that the image does not have is
// kNotFound; a number need not be there.
Result<ProcessUser> resolve_user(const os::UniqueFd& root, const std::string& user);

}  // namespace zeropull::runtime
