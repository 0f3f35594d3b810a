#include "control/fleet/instance_init.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "codec/json.h"
#include "control/fleet/limits.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/new_root.h"
#include "os/process.h"

namespace zeropull::fleet {

namespace {

using nlohmann::json;

constexpr Logger kInitLog{"init"};
constexpr std::size_t kSpecMax = 4 * kMiB;
constexpr std::size_t kInitLogMax = 16 * kMiB;  // of one program; begun anew at a start past it
constexpr auto kRanWell = std::chrono::seconds(10);

// The folders of a Linux machine that hold programs; on most, all but /usr are links into it.
constexpr std::array<const char*, 8> kProgramFolders{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/etc"};

Result<void> mount_new(const char* type, const std::string& at, std::vector<std::pair<std::string, std::string>> options = {}) {
  TRY(os::ensure_folder(at, 0755));
  options.insert(options.begin(), {"source", type});
  return os::mount_filesystem({.type = type, .options = std::move(options), .flags = {}, .access = os::Access::kReadWrite}, at);
}

Result<void> bind_at(const std::string& from, const std::string& to, os::Access access) {
  auto stat = TRY(os::stat_path(from));
  if (S_ISDIR(stat.st_mode)) {
    TRY(os::ensure_folder(to, 0755));
  } else {
    TRY(os::ensure_folder(os::parent_folder(to), 0755));
    [[maybe_unused]] auto file = TRY(os::open_file(to, O_WRONLY | O_CREAT));
  }
  return os::bind_mount(from, to, access);
}

Result<void> show_programs(const std::string& root) {
  for (const char* folder : kProgramFolders) {
    auto link = TRY(os::read_symlink(folder));
    if (link) {
      TRY(os::create_symlink(*link, root + folder));
    } else if (os::exists(folder)) {
      TRY(bind_at(folder, root + folder, os::Access::kReadOnly));
    }
  }
  return {};
}

Result<void> build_root(const InitSpec& spec) {
  const auto& root = spec.root;
  TRY(os::make_mounts_private());
  TRY(mount_new("tmpfs", root, {{"mode", "755"}}));
  TRY(show_programs(root));
  TRY(bind_at(spec.program, root + kInstanceProgram, os::Access::kReadOnly));
  for (const char* folder : {"/lib", "/log", "/tmp"}) TRY(os::ensure_folder(spec.disk + folder, 0755));
  TRY(bind_at(spec.disk, root + "/var", os::Access::kReadWrite));
  if (!os::exists(root + "/var/run")) TRY(os::create_symlink("/run", root + "/var/run"));
  TRY(bind_at("/dev", root + "/dev", os::Access::kReadWrite));
  TRY(mount_new("devpts", root + "/dev/pts", {{"ptmxmode", "0666"}, {"mode", "0620"}}));
  TRY(mount_new("tmpfs", root + "/dev/shm"));
  TRY(mount_new("tmpfs", root + "/run", {{"mode", "755"}}));
  TRY(mount_new("tmpfs", root + "/tmp", {{"mode", "1777"}}));
  TRY(mount_new("proc", root + "/proc"));
  TRY(mount_new("sysfs", root + "/sys"));
  TRY(os::ensure_folder(root + "/root", 0700));
  if (os::exists(root + "/sys/fs/cgroup")) TRY(mount_new("tmpfs", root + "/sys/fs/cgroup", {{"mode", "755"}}));
  for (const auto& cgroup : spec.cgroups) TRY(bind_at(cgroup.from, root + cgroup.to, os::Access::kReadWrite));
  // Last: a shared folder may lie below any of the above.
  for (const auto& volume : spec.volumes) TRY(bind_at(volume.from, root + volume.to, os::Access::kReadOnly));
  return os::enter_root(root);
}

// /etc is this machine's; where its resolver file is a link to somewhere that the instance lacks, it is put there.
Result<void> set_resolver(const std::string& text) {
  if (text.empty()) return {};
  constexpr const char* kFile = "/etc/resolv.conf";
  auto link = TRY(os::read_symlink(kFile));
  if (!link) {
    TRY(os::replace_file("/run/resolv.conf", as_bytes(text), 0644));
    return os::exists(kFile) ? os::bind_mount("/run/resolv.conf", kFile, os::Access::kReadOnly) : Result<void>();
  }
  auto target = link->starts_with("../") ? link->substr(2) : *link;
  if (!target.starts_with("/run/")) return {};
  TRY(os::ensure_folder(os::parent_folder(target), 0755));
  return os::replace_file(target, as_bytes(text), 0644);
}

Result<void> set_up(const InitSpec& spec) {
  TRY(build_root(spec));
  TRY(os::set_host_name(spec.host_name));
  TRY(set_resolver(spec.resolver));
  for (const auto& file : spec.files) {
    TRY(os::ensure_folder(os::parent_folder(file.path), 0700));
    TRY(os::replace_file(file.path, as_bytes(file.content), 0600));
  }
  return {};
}

struct Kept {
  const InitProgram* program;
  pid_t pid = 0;  // 0: it does not run
  SteadyTime started = {};
  SteadyTime due = {};
  Duration delay = kRestartDelayMin;
};

Result<pid_t> start_program(const InitProgram& program) {
  auto path = fmt::format("/var/log/{}.log", program.name);
  auto stat = os::stat_path(path);
  bool anew = stat.ok() && static_cast<std::uint64_t>(stat->st_size) > kInitLogMax;
  auto log = TRY(os::open_file(path, O_WRONLY | O_CREAT | O_APPEND | (anew ? O_TRUNC : 0)));
  auto nothing = TRY(os::open_file("/dev/null", O_RDONLY));
  auto child =
      TRY(os::Child::spawn({.argv = program.argv,
                            .descriptors = {{0, nothing.get()}, {1, log.get()}, {2, log.get()}},
                            .environment = std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                                                    "/sbin:/bin",
                                                                    "HOME=/root", "LANG=C.UTF-8"},
                            .die_with_parent = false}));
  return std::move(child).leave_running();  // reaped by the loop below, as all that ends here
}

[[noreturn]] void keep_running(const std::vector<InitProgram>& programs) {
  std::vector<Kept> all;
  for (const auto& program : programs) all.push_back({.program = &program});
  const auto& clock = Clock::system();
  while (true) {
    Duration wait = std::chrono::minutes(1);
    for (auto& one : all) {
      if (one.pid != 0) continue;
      auto now = clock.steady_now();
      if (now < one.due) {
        wait = std::min<Duration>(wait, one.due - now);
        continue;
      }
      auto started = start_program(*one.program);
      one.started = now;
      if (started.ok()) {
        one.pid = *started;
        continue;
      }
      LOG_ERROR(kInitLog, "start {}: {}", one.program->name, started.error().to_string());
      one.due = now + kRestartDelayMax;
      wait = std::min<Duration>(wait, kRestartDelayMax);
    }
    auto ended = os::reap_children(wait);
    if (!ended.ok()) LOG_ERROR(kInitLog, "{}", ended.error().to_string());
    for (auto& one : all) {
      if (!ended.ok() || one.pid == 0 || std::ranges::find(*ended, one.pid) == ended->end()) continue;
      auto now = clock.steady_now();
      one.delay = now - one.started > kRanWell ? Duration(kRestartDelayMin) : std::min<Duration>(one.delay * 2, kRestartDelayMax);
      one.due = now + one.delay;
      one.pid = 0;
      LOG_WARN(kInitLog, "{} ended and is started again", one.program->name);
    }
  }
}

json mounts_json(const std::vector<InitMount>& mounts) {
  auto list = json::array();
  for (const auto& mount : mounts) list.push_back({{"from", mount.from}, {"to", mount.to}});
  return list;
}

Result<std::vector<InitMount>> mounts_of(const json& spec, std::string_view name) {
  std::vector<InitMount> mounts;
  const auto* list = TRY(codec::json_array(spec, name));
  for (const auto& one : *list) {
    InitMount mount;
    mount.from = TRY(codec::json_string(one, "from"));
    mount.to = TRY(codec::json_string(one, "to"));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<InitSpec> read_spec() {
  std::string text;
  std::array<std::byte, 64 * kKiB> piece;
  while (true) {
    auto n = TRY(os::read_some(STDIN_FILENO, piece));
    if (n == 0) break;
    text += as_text(ByteView(piece).first(n));
    if (text.size() > kSpecMax) return make_error(Code::kOutOfRange, "the instance's specification is too long");
  }
  return parse_init_spec(text);  // empty, and so refused, when the server ended before it wrote it
}

}  // namespace

std::string init_spec_text(const InitSpec& spec) {
  json value{{"root", spec.root},
             {"disk", spec.disk},
             {"program", spec.program},
             {"host_name", spec.host_name},
             {"resolver", spec.resolver}};
  value["cgroups"] = mounts_json(spec.cgroups);
  value["volumes"] = mounts_json(spec.volumes);
  value["files"] = json::array();
  for (const auto& file : spec.files) value["files"].push_back({{"path", file.path}, {"content", file.content}});
  value["programs"] = json::array();
  for (const auto& program : spec.programs) value["programs"].push_back({{"name", program.name}, {"argv", program.argv}});
  return codec::json_text(value);
}

Result<InitSpec> parse_init_spec(std::string_view text) {
  auto value = TRY(codec::parse_json(text, {.size_max = kSpecMax, .depth_max = 6}).with_context("the instance's specification"));
  InitSpec spec;
  spec.root = TRY(codec::json_string(value, "root"));
  spec.disk = TRY(codec::json_string(value, "disk"));
  spec.program = TRY(codec::json_string(value, "program"));
  spec.host_name = TRY(codec::json_string(value, "host_name"));
  spec.resolver = TRY(codec::json_string(value, "resolver"));
  spec.cgroups = TRY(mounts_of(value, "cgroups"));
  spec.volumes = TRY(mounts_of(value, "volumes"));
  const auto* files = TRY(codec::json_array(value, "files"));
  for (const auto& one : *files) {
    InitFile file;
    file.path = TRY(codec::json_string(one, "path"));
    file.content = TRY(codec::json_string(one, "content"));
    spec.files.push_back(std::move(file));
  }
  const auto* programs = TRY(codec::json_array(value, "programs"));
  for (const auto& one : *programs) {
    InitProgram program;
    program.name = TRY(codec::json_string(one, "name"));
    program.argv = TRY(codec::json_optional_strings(one, "argv"));
    spec.programs.push_back(std::move(program));
  }
  return spec;
}

int instance_init_main() {
  auto spec = read_spec();
  auto ready = spec.ok() ? set_up(*spec) : Result<void>(std::move(spec).take_error());
  auto answer = ready.ok() ? std::string(kInitUp) : ready.error().to_string();
  [[maybe_unused]] auto told = os::write_all(STDOUT_FILENO, as_bytes(answer));
  if (!ready.ok()) return 1;
  // What this process had of the server is let go: its pipe, so that the server sees the end of the answer.
  auto nothing = os::open_file("/dev/null", O_RDWR);
  if (nothing.ok()) dup2(nothing->get(), STDIN_FILENO), dup2(nothing->get(), STDOUT_FILENO);
  keep_running(spec->programs);
}

}  // namespace zeropull::fleet
