#include "control/fleet/cgroup_folders.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "base/units.h"
#include "control/fleet/log.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::fleet {

namespace {

constexpr std::int64_t kCpuPeriodUs = 100'000;  // the kernel's own default
constexpr std::int64_t kCpuQuotaMinUs = 1000;   // and its minimum
constexpr std::size_t kSettingMax = 64 * kKiB;
constexpr auto kRetry = std::chrono::milliseconds(10);

struct Hierarchy {
  std::string mount_point;
  bool v2 = false;
};

Result<std::vector<Hierarchy>> hierarchies() {
  std::vector<Hierarchy> found;
  auto mounts = TRY(os::list_mounts());
  for (auto& mount : mounts) {
    if (mount.type == "cgroup2" || mount.type == "cgroup") found.push_back({mount.mount_point, mount.type == "cgroup2"});
  }
  if (found.empty())
    return make_error(Code::kFailedPrecondition, "no cgroup hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup");
  return found;
}

Result<void> write_setting(const std::string& path, std::string_view value) {
  auto fd = TRY(os::open_file(path, O_WRONLY));
  return os::write_all(fd.get(), as_bytes(value)).with_context("write {}", path);
}

// A cpuset of v1 takes no process before it has been given processors and memory nodes.
Result<void> inherit_cpuset(const std::string& from, const std::string& folder) {
  for (const char* setting : {"cpuset.cpus", "cpuset.mems"}) {
    auto path = fmt::format("{}/{}", folder, setting);
    if (!os::exists(path)) continue;
    auto value = TRY(os::read_text(fmt::format("{}/{}", from, setting), kSettingMax));
    TRY(write_setting(path, value));
  }
  return {};
}

// On v2 only a folder without processes hands controllers down; what cannot be handed down is not there for containers either.
void hand_down_controllers(const std::string& folder) {
  auto controllers = os::read_text(folder + "/cgroup.controllers", kSettingMax);
  if (!controllers.ok()) return;
  std::istringstream names(*controllers);
  for (std::string name; names >> name;) [[maybe_unused]]
    auto done = write_setting(folder + "/cgroup.subtree_control", "+" + name);
}

// Folders alone are removed; the kernel's files in them go with them. False while a process in one has not quite ended.
bool remove_folders(const std::string& folder) {
  if (!os::exists(folder)) return true;
  auto names = os::list_folder(folder);
  if (!names.ok()) return !os::exists(folder);
  for (const auto& name : *names) {
    auto path = fmt::format("{}/{}", folder, name);
    auto stat = os::stat_path(path);
    if (stat.ok() && S_ISDIR(stat->st_mode) && !remove_folders(path)) return false;
  }
  std::error_code busy;
  std::filesystem::remove(folder, busy);
  return !os::exists(folder);
}

struct Setting {
  const char* what;
  const char* v1;
  std::string v1_value;
  const char* v2;
  std::string v2_value;
};

// A quota above what the machine has is none, as an instance type larger than the machine should have it.
std::vector<Setting> settings_of(const CgroupFolders::Limits& limits) {
  std::vector<Setting> settings;
  if (limits.cpu_cores > 0) {
    const auto quota = std::max<std::int64_t>(std::llround(limits.cpu_cores * kCpuPeriodUs), kCpuQuotaMinUs);
    settings.push_back({.what = "CPU time",
                        .v1 = "cpu.cfs_quota_us",
                        .v1_value = fmt::format("{}", quota),
                        .v2 = "cpu.max",
                        .v2_value = fmt::format("{} {}", quota, kCpuPeriodUs)});
  }
  if (limits.memory_bytes > 0) {
    settings.push_back({.what = "memory",
                        .v1 = "memory.limit_in_bytes",
                        .v1_value = fmt::format("{}", limits.memory_bytes),
                        .v2 = "memory.max",
                        .v2_value = fmt::format("{}", limits.memory_bytes)});
  }
  return settings;
}

}  // namespace

Result<std::vector<CgroupFolders::Binding>> CgroupFolders::create(const Limits& limits) {
  std::vector<Binding> bindings;
  auto missing = settings_of(limits);
  auto all = TRY(hierarchies());
  for (const auto& hierarchy : all) {
    auto folder = fmt::format("{}/{}", hierarchy.mount_point, name_);
    TRY(os::ensure_folder(folder, 0755));
    if (hierarchy.v2) {
      hand_down_controllers(hierarchy.mount_point);
      TRY(os::ensure_folder(folder + "/init", 0755));  // for the instance's own processes: see hand_down_controllers
    } else {
      TRY(inherit_cpuset(hierarchy.mount_point, folder));
    }
    for (auto setting = missing.begin(); setting != missing.end();) {
      const auto path = fmt::format("{}/{}", folder, hierarchy.v2 ? setting->v2 : setting->v1);
      const bool here = os::exists(path);
      if (here) TRY(write_setting(path, hierarchy.v2 ? setting->v2_value : setting->v1_value));
      setting = here ? missing.erase(setting) : std::next(setting);
    }
    bindings.push_back({folder, hierarchy.mount_point});
  }
  for (const auto& setting : missing) {
    LOG_WARN(kLog, "{}: this machine's cgroups offer no {}, so that the instance's {} is not limited", name_, setting.v2,
             setting.what);
  }
  return bindings;
}

Result<void> CgroupFolders::move_in(pid_t pid) {
  auto all = TRY(hierarchies());
  for (const auto& hierarchy : all) {
    auto folder = fmt::format("{}/{}{}", hierarchy.mount_point, name_, hierarchy.v2 ? "/init" : "");
    TRY(write_setting(folder + "/cgroup.procs", std::to_string(pid)));
  }
  return {};
}

Result<void> CgroupFolders::remove(const Context& ctx) {
  auto all = TRY(hierarchies());
  for (const auto& hierarchy : all) {
    auto folder = fmt::format("{}/{}", hierarchy.mount_point, name_);
    while (!remove_folders(folder)) TRY(ctx.sleep(kRetry).with_context("processes of cgroup {} do not end", folder));
  }
  return {};
}

}  // namespace zeropull::fleet
