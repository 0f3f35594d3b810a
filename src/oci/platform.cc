#include "oci/platform.h"

#include <sys/utsname.h>

#include <algorithm>

#include "http/headers.h"

namespace zeropull::oci {

std::string Platform::text() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

// containerd's platforms/database.go.
Platform normalised(Platform platform) {
  auto& [os, architecture, variant] = platform;
  os = http::to_lower(os);
  architecture = http::to_lower(architecture);
  variant = http::to_lower(variant);
  if (os == "macos") os = "darwin";
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "i386") architecture = "386";
  if (architecture == "armhf") architecture = "arm", variant = "v7";
  if (architecture == "armel") architecture = "arm", variant = "v6";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "arm64" && (variant == "8" || variant == "v8")) variant.clear();
  if (architecture == "amd64" && variant == "v1") variant.clear();
  if (architecture == "386") variant.clear();
  if (architecture == "arm" && variant.empty()) variant = "v7";
  if (architecture == "arm" && variant.size() == 1) variant.insert(0, "v");
  return platform;
}

Result<Platform> parse_platform(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('/', at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  const auto is_word = [](const std::string& part) {
    return !part.empty() && part.size() <= 32 && std::ranges::all_of(part, [](unsigned char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    });
  };
  if (parts.size() < 2 || parts.size() > 3 || !std::ranges::all_of(parts, is_word))
    return make_error(Code::kInvalidArgument, "platform \"{}\": expected os/arch[/variant], as in linux/amd64", text);
  return normalised({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

Platform host_platform() {
  struct utsname names{};
  ::uname(&names);
  std::string machine = names.machine;
  if (machine.starts_with("armv") && machine.size() > 4) return normalised({"linux", "arm", machine.substr(4, 1)});
  return normalised({"linux", machine});
}

std::vector<Platform> acceptable(const Platform& wanted) {
  std::vector<Platform> out = {normalised(wanted)};
  const auto& best = out.front();
  int variant = 0;
  if (best.architecture == "arm" && best.variant.size() == 2) variant = best.variant[1] - '0';
  if (best.architecture == "arm64" && best.variant.empty()) variant = 9;  // runs arm/v8 and below
  if (best.architecture == "arm64" && !best.variant.empty()) out.push_back({best.os, "arm64", ""});
  const std::string os = best.os;
  for (int lower = std::min(variant, 9) - 1; lower >= 5; --lower) out.push_back({os, "arm", "v" + std::to_string(lower)});
  return out;
}

}  // namespace zeropull::oci
