#include "os/cgroup.h"

#include <charconv>
#include <sstream>
#include <string>

#include "os/file.h"

namespace zeropull::os {

namespace {

constexpr std::uint64_t kTextMax = 65536;
const std::string kRoot = "/sys/fs/cgroup";

struct Paths {  // below the controller's mount; empty where /proc names none
  std::string cpu;
  std::string memory;
  std::string unified;
};

// Lines of "number:controllers:/path"; of v2 "0::/path".
Paths parse_paths(const std::string& text) {
  Paths paths;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto first = line.find(':');
    auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string path = line.substr(second + 1);
    if (controllers == ",,") paths.unified = path;
    if (controllers.contains(",cpuacct,")) paths.cpu = path;
    if (controllers.contains(",memory,")) paths.memory = path;
  }
  return paths;
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<CgroupUsage> cgroup_usage(std::uint32_t pid) {
  auto text = TRY(read_text(fmt::format("/proc/{}/cgroup", pid), kTextMax));
  auto paths = parse_paths(text);
  CgroupUsage usage;
  if (!paths.memory.empty()) {
    auto memory = TRY(read_text(kRoot + "/memory" + paths.memory + "/memory.usage_in_bytes", kTextMax));
    usage.memory_bytes = number_at(memory);
  } else {
    auto memory = TRY(read_text(kRoot + paths.unified + "/memory.current", kTextMax));
    usage.memory_bytes = number_at(memory);
  }
  if (!paths.cpu.empty()) {
    auto nanoseconds = TRY(read_text(kRoot + "/cpuacct" + paths.cpu + "/cpuacct.usage", kTextMax));
    usage.cpu_seconds = static_cast<double>(number_at(nanoseconds)) / 1e9;
  } else {
    auto stat = TRY(read_text(kRoot + paths.unified + "/cpu.stat", kTextMax));
    constexpr std::string_view kKey = "usage_usec ";
    auto at = stat.find(kKey);
    if (at != std::string::npos) usage.cpu_seconds = static_cast<double>(number_at(stat.substr(at + kKey.size()))) / 1e6;
  }
  return usage;
}

}  // namespace zeropull::os
