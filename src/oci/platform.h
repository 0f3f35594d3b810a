// Platforms as image indexes name them: "linux/amd64", "linux/arm64", "linux/arm/v7". Normalised as containerd does (x86_64 is
// amd64, arm64/v8 is arm64, arm is arm/v7), so that equal platforms compare equal. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant = {};  // empty for most
  bool operator==(const Platform&) const = default;
  std::string text() const;
};

Platform normalised(Platform platform);
Result<Platform> parse_platform(std::string_view text);  // "os/arch[/variant]"
Platform host_platform();

// What runs on `wanted`, the best first: itself, then for arm the lower variants, as containerd's matcher has it.
std::vector<Platform> acceptable(const Platform& wanted);

}  // namespace zeropull::oci
