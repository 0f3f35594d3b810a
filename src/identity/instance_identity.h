// InstanceIdentity: what an instance's certificate says of it, as the one URI name that it carries:
//
//   zeropull://instance/<account>/<endpoint uid>/<instance id>
//
// Endpoint uid and account are "-" while the machine is leased to nobody. The control plane's own certificate says
// zeropull://control. A plain value; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::identity {

inline constexpr std::string_view kControlUri = "zeropull://control";
inline constexpr std::string_view kNobody = "-";

struct InstanceIdentity {
  std::string account = std::string(kNobody);
  std::string endpoint_uid = std::string(kNobody);
  std::string instance_id;

  bool leased() const { return endpoint_uid != kNobody; }
  // kInvalidArgument unless each part has 1 to 64 of a-z, 0-9 and "-" and begins with a letter or digit, or is "-" where that is
  // allowed. An endpoint of no account, or the reverse, is refused.
  Result<void> check() const;
  std::string uri() const;
  static Result<InstanceIdentity> parse(std::string_view uri);
  bool operator==(const InstanceIdentity&) const = default;
};

}  // namespace zeropull::identity
