// containerd's default seccomp profile (contrib/seccomp/seccomp_default.go of 1.6), as it comes out for containerd's default
// capabilities on Linux 4.8 and newer.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace zeropull::runtime {

nlohmann::ordered_json default_seccomp_profile();  // the specification's linux.seccomp

}  // namespace zeropull::runtime
