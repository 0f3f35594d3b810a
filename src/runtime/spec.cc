#include "runtime/spec.h"

#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "os/process.h"
#include "runtime/limits.h"
#include "runtime/log.h"
#include "runtime/seccomp_profile.h"

namespace zeropull::runtime {

namespace {

using nlohmann::ordered_json;

constexpr const char* kSpecVersion = "1.0.2-dev";
constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kStopSignalLabel = "io.containerd.image.config.stop-signal";
constexpr const char* kDefaultStopSignal = "SIGTERM";
constexpr std::uint64_t kFileLimit = 1024;
constexpr std::uint64_t kCpuShares = 1024;
constexpr const char* kSharedMemorySize = "65536k";

const ordered_json& default_capabilities() {
  static const ordered_json kCapabilities = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
                                             "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
                                             "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
                                             "CAP_KILL",    "CAP_AUDIT_WRITE"};
  return kCapabilities;
}

// oci.replaceOrAppendEnvValues: an override takes the place of the default of its name, or comes last; one without "=" removes
// it.
std::vector<std::string> merge_environment(std::vector<std::string> defaults, const std::vector<std::string>& overrides) {
  auto name_of = [](const std::string& variable) { return variable.substr(0, variable.find('=')); };
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < defaults.size(); ++i) places[name_of(defaults[i])] = i;
  std::vector<std::string> out = std::move(defaults);
  for (const std::string& value : overrides) {
    bool removes = !value.contains('=');
    auto place = places.find(name_of(value));
    if (place != places.end()) {
      out[place->second] = removes ? "" : value;
    } else if (!removes) {
      out.push_back(value);
    }
  }
  std::erase(out, "");
  return out;
}

Result<std::vector<std::string>> environment_of(const ImageConfig& config, const SpecOptions& options) {
  auto own = merge_environment({}, options.environment);
  auto image = config.environment.empty() ? std::vector<std::string>{kDefaultPath} : config.environment;
  auto environment = merge_environment(std::move(image), own);
  if (options.network == Network::kHost) {
    auto host = TRY(os::host_name());
    environment = merge_environment(std::move(environment), {"HOSTNAME=" + host});
  }
  return environment;
}

Result<std::vector<std::string>> args_of(const ImageConfig& config, const SpecOptions& options) {
  std::vector<std::string> args = options.args;
  if (args.empty()) {
    args = config.entrypoint;
    args.insert(args.end(), config.command.begin(), config.command.end());
  }
  if (args.empty()) return make_error(Code::kInvalidArgument, "the image names no command to run: give one");
  return args;
}

Result<ordered_json> process_of(const ImageConfig& config, const ProcessUser& user, const SpecOptions& options) {
  auto args = TRY(args_of(config, options));
  auto environment = TRY(environment_of(config, options));
  std::string folder = options.working_folder.empty() ? config.working_folder : options.working_folder;
  ordered_json process = {{"user", {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", user.additional_gids}}},
                          {"args", std::move(args)}};
  if (!environment.empty()) process["env"] = std::move(environment);
  process["cwd"] = folder.empty() ? "/" : folder;
  process["capabilities"] = {
      {"bounding", default_capabilities()}, {"effective", default_capabilities()}, {"permitted", default_capabilities()}};
  const std::uint64_t files = options.limits.open_files == 0 ? kFileLimit : options.limits.open_files;
  process["rlimits"] = ordered_json::array({{{"type", "RLIMIT_NOFILE"}, {"hard", files}, {"soft", files}}});
  process["noNewPrivileges"] = true;
  return process;
}

ordered_json mount_of(const SpecMount& mount) {
  ordered_json out = {{"destination", mount.destination}};
  if (!mount.type.empty()) out["type"] = mount.type;
  if (!mount.source.empty()) out["source"] = mount.source;
  if (!mount.options.empty()) out["options"] = mount.options;
  return out;
}

ordered_json mounts_of(const SpecOptions& options) {
  const std::string& asked = options.limits.shared_memory_size;
  const std::string shared_memory = "size=" + (asked.empty() ? kSharedMemorySize : asked);
  const std::vector<SpecMount> defaults = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", shared_memory}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/run", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
  };
  ordered_json mounts = ordered_json::array();
  for (const SpecMount& mount : defaults) mounts.push_back(mount_of(mount));
  for (const SpecMount& mount : options.mounts) mounts.push_back(mount_of(mount));
  if (options.network == Network::kHost) {
    for (const char* file : {"/etc/hosts", "/etc/resolv.conf"}) mounts.push_back(mount_of({file, "bind", file, {"rbind", "ro"}}));
  }
  return mounts;
}

// Nothing but the standard devices: null, random, full, tty, zero, urandom, console, /dev/pts/* and ptmx.
ordered_json device_rules(const std::vector<SpecDevice>& own) {
  struct Device {
    int major;
    int minor;  // -1 for all
  };
  constexpr std::array<Device, 9> kDevices{{{1, 3}, {1, 8}, {1, 7}, {5, 0}, {1, 5}, {1, 9}, {5, 1}, {136, -1}, {5, 2}}};
  ordered_json rules = ordered_json::array({{{"allow", false}, {"access", "rwm"}}});
  for (const Device& device : kDevices) {
    ordered_json rule = {{"allow", true}, {"type", "c"}, {"major", device.major}};
    if (device.minor >= 0) rule["minor"] = device.minor;
    rule["access"] = "rwm";
    rules.push_back(std::move(rule));
  }
  for (const SpecDevice& device : own) {
    if (device.type == 'p') continue;  // a FIFO is no device that a rule could name
    rules.push_back({{"allow", true},
                     {"type", std::string(1, device.type)},
                     {"major", device.major},
                     {"minor", device.minor},
                     {"access", device.access}});
  }
  return rules;
}

ordered_json devices_of(const std::vector<SpecDevice>& devices) {
  ordered_json out = ordered_json::array();
  for (const SpecDevice& device : devices) {
    ordered_json one = {{"path", device.path}, {"type", std::string(1, device.type)}};
    if (device.type != 'p') {
      one["major"] = device.major;
      one["minor"] = device.minor;
    }
    if (device.file_mode) one["fileMode"] = *device.file_mode;
    if (device.uid) one["uid"] = *device.uid;
    if (device.gid) one["gid"] = *device.gid;
    out.push_back(std::move(one));
  }
  return out;
}

ordered_json hooks_of(const std::vector<SpecHook>& hooks) {
  ordered_json out = ordered_json::object();
  for (const SpecHook& hook : hooks) {
    ordered_json one = {{"path", hook.path}};
    if (!hook.args.empty()) one["args"] = hook.args;
    if (!hook.environment.empty()) one["env"] = hook.environment;
    if (hook.timeout_s) one["timeout"] = *hook.timeout_s;
    out[hook.stage].push_back(std::move(one));
  }
  return out;
}

ordered_json resources_of(const SpecOptions& options) {
  const SpecLimits& limits = options.limits;
  ordered_json out = {{"devices", device_rules(options.devices)},
                      {"cpu", {{"shares", limits.cpu_shares == 0 ? kCpuShares : limits.cpu_shares}}}};
  if (limits.memory_bytes != 0) out["memory"] = {{"limit", limits.memory_bytes}};
  return out;
}

ordered_json linux_of(const SpecOptions& options) {
  ordered_json namespaces = ordered_json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount"}) namespaces.push_back({{"type", type}});
  if (options.network == Network::kOwn) namespaces.push_back({{"type", "network"}});
  if (options.network == Network::kJoined) namespaces.push_back({{"type", "network"}, {"path", options.network_namespace}});
  const std::string& parent = options.limits.cgroup_parent;
  ordered_json out = {
      {"resources", resources_of(options)},
      {"cgroupsPath", fmt::format("{}/{}", parent.empty() ? "/" + options.containerd_namespace : parent, options.container_id)},
      {"namespaces", std::move(namespaces)}};
  if (!options.devices.empty()) out["devices"] = devices_of(options.devices);
  if (options.seccomp == Seccomp::kDefault) out["seccomp"] = default_seccomp_profile();
  out["maskedPaths"] = {"/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
                        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"};
  out["readonlyPaths"] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return out;
}

}  // namespace

Result<std::string> build_spec(const ImageConfig& config, const ProcessUser& user, const SpecOptions& options) {
  auto process = TRY(process_of(config, user, options));
  ordered_json spec = {{"ociVersion", kSpecVersion}, {"process", std::move(process)}};
  spec["root"] = {{"path", "rootfs"}};
  if (options.root_access == RootAccess::kReadOnly) spec["root"]["readonly"] = true;
  if (!options.host_name.empty()) spec["hostname"] = options.host_name;
  spec["mounts"] = mounts_of(options);
  if (!options.hooks.empty()) spec["hooks"] = hooks_of(options.hooks);
  if (!options.labels.empty()) spec["annotations"] = options.labels;
  spec["linux"] = linux_of(options);
  return spec.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::map<std::string, std::string> container_labels(const ImageConfig& config, const std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> out = labels;
  out.insert(config.labels.begin(), config.labels.end());
  std::erase_if(out, [](const auto& label) {
    bool long_label = label.first.size() + label.second.size() > kLabelSizeMax;
    if (long_label) LOG_WARN(kLog, "leave out the label {:.64}: longer than containerd's {} bytes", label.first, kLabelSizeMax);
    return long_label;
  });
  out[kStopSignalLabel] = config.stop_signal.empty() ? kDefaultStopSignal : config.stop_signal;
  return out;
}

}  // namespace zeropull::runtime
