#include "control/fleet/local_provider.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "codec/json.h"
#include "control/fleet/cgroup_folders.h"
#include "control/fleet/limits.h"
#include "control/fleet/log.h"
#include "os/fifo.h"
#include "os/file.h"
#include "os/process.h"

namespace zeropull::fleet {

namespace {

using nlohmann::json;

constexpr std::size_t kFileMax = 64 * kKiB;
constexpr auto kUpTimeout = std::chrono::seconds(30);
constexpr auto kEndTimeout = std::chrono::seconds(60);

std::string cgroup_name(const std::string& id) { return "zeropull-" + id; }

// An id is a name in a path: what the fleet makes passes, nothing else does.
Result<void> check_id(const std::string& id) {
  bool fine = id.starts_with("i-") && id.size() <= 40 &&
              std::ranges::all_of(id.substr(2), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
  if (!fine) return make_error(Code::kInvalidArgument, "\"{}\" is no instance id", id);
  return {};
}

// The name servers of this machine, without those that only this machine reaches.
std::string resolver_text() {
  auto read = [](const char* path) { return os::read_text(path, kFileMax); };
  auto text = read("/etc/resolv.conf");
  if (!text.ok()) return "";
  if (text->find("nameserver 127.") == std::string::npos) return std::move(*text);
  auto behind = read("/run/systemd/resolve/resolv.conf");  // the servers behind systemd-resolved's own address
  return behind.ok() ? std::move(*behind) : std::move(*text);
}

Result<std::string> read_answer(const Context& ctx, int fd) {
  std::string answer;
  std::array<std::byte, 4096> piece;
  while (answer.size() < kFileMax) {
    pollfd waiting{fd, POLLIN, 0};
    auto ready = TRY(os::wait_ready(std::span(&waiting, 1), std::min(ctx.remaining_ms(), 50)));
    if (!ready) {
      TRY(ctx.check());
      continue;
    }
    auto n = TRY(os::read_some(fd, piece));
    if (n == 0) break;
    answer += as_text(ByteView(piece).first(n));
    if (answer == kInitUp) break;
  }
  return answer;
}

}  // namespace

LocalProviderOptions::Boot agent_boot(const LaunchRequest& request, const std::string& address) {
  constexpr const char* kContainerd = R"(version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[debug]
  level = "warn"
[proxy_plugins.zeropull]
  type = "snapshot"
  address = "/run/zeropull/agent.sock"
)";
  json control{{"address", request.control_address},       {"authority_file", "/run/zeropull/authority.pem"},
               {"token_file", "/run/zeropull/join-token"}, {"instance_address", address},
               {"instance_type", request.type.name},       {"accelerators", request.type.accelerators}};
  json agent{{"root", "/var/lib/zeropull"}, {"socket", "/run/zeropull/agent.sock"}, {"control", control}};
  return {.files = {{"/run/containerd.toml", kContainerd},
                    {"/run/zeropull/authority.pem", request.authority_pem},
                    {"/run/zeropull/join-token", request.join_token.reveal()},
                    {"/run/zeropull/agent.json", codec::json_text(agent, 2)}},
          .programs = {{"containerd", {"containerd", "--config", "/run/containerd.toml"}},
                       {"agent", {kInstanceProgram, "agent", "--config", "/run/zeropull/agent.json"}}}};
}

Result<std::unique_ptr<LocalProvider>> LocalProvider::create(const Context& ctx, LocalProviderOptions options) {
  if (options.program.empty()) options.program = TRY(os::self_executable());
  if (!options.boot) options.boot = agent_boot;
  TRY(os::ensure_folder(options.folder, 0700));
  if (options.instances_max == 0 || options.instances_max > kLocalInstancesMax) {
    return make_error(Code::kInvalidArgument, "instances_max {}: expected 1 to {}", options.instances_max, kLocalInstancesMax);
  }
  LocalNetworkOptions network_options{.bridge = options.bridge};
  network_options.network = TRY(os::Ipv4Network::parse(options.network));
  network_options.outbound = options.outbound == LocalProviderOptions::Outbound::kOff
                                 ? LocalNetworkOptions::Outbound::kOff
                                 : LocalNetworkOptions::Outbound::kMasqueraded;
  auto network = TRY(LocalNetwork::create(ctx, network_options));
  std::unique_ptr<LocalProvider> provider(new LocalProvider(std::move(options), std::move(network)));
  TRY(provider->take_over());
  return provider;
}

Result<void> LocalProvider::take_over() {
  auto names = TRY(os::list_folder(options_.folder));
  auto numbers = numbers_.lock();
  for (const auto& id : names) {
    auto plan = read_plan(id);
    if (plan.ok()) numbers->emplace(plan->number, id);  // one without a plan has nothing but its folder
  }
  return {};
}

Result<LocalProvider::Plan> LocalProvider::read_plan(const std::string& id) const {
  auto text = TRY(os::read_text(folder_of(id) + "/plan", kFileMax));
  auto value = TRY(codec::parse_json(text, {.size_max = kFileMax}));
  Plan plan;
  auto number = TRY(codec::json_int(value, "number", {.min = LocalNetwork::kFirstInstance, .max = UINT32_MAX}));
  plan.number = static_cast<std::uint32_t>(number);
  plan.volumes = TRY(codec::json_optional_strings(value, "volumes"));
  return plan;
}

Result<os::ProcessHandle> LocalProvider::open_process(const std::string& id) const {
  auto text = TRY(os::read_text(folder_of(id) + "/process", kFileMax));
  auto value = TRY(codec::parse_json(text, {.size_max = kFileMax}));
  os::ProcessIdentity identity;
  auto pid = TRY(codec::json_int(value, "pid", {.min = 1, .max = INT32_MAX}));
  auto start = TRY(codec::json_int(value, "start_ticks"));
  identity.pid = static_cast<pid_t>(pid);
  identity.start_ticks = static_cast<std::uint64_t>(start);
  identity.boot_id = TRY(codec::json_string(value, "boot_id"));
  return os::ProcessHandle::open(identity);
}

Result<LocalProvider::Plan> LocalProvider::make_plan(const LaunchRequest& request) {
  Plan plan;
  {
    auto numbers = numbers_.lock();
    plan.number = LocalNetwork::kFirstInstance;
    while (numbers->contains(plan.number)) ++plan.number;
    if (numbers->size() >= options_.instances_max || plan.number >= network_->instances_end()) {
      return make_error(Code::kResourceExhausted, "this machine runs {} instances and can have no more", numbers->size());
    }
    numbers->emplace(plan.number, request.instance_id);
  }
  for (std::size_t i = 0; i < request.volumes.size(); ++i) plan.volumes.push_back(fmt::format("/volumes/{}", i));
  auto folder = folder_of(request.instance_id);
  TRY(os::ensure_folder(folder, 0700));
  auto text = codec::json_text(json{{"number", plan.number}, {"volumes", plan.volumes}});
  TRY(os::replace_file(folder + "/plan", as_bytes(text)));
  return plan;
}

Result<Launched> LocalProvider::launch(const Context& ctx, const LaunchRequest& request) {
  const auto& id = request.instance_id;
  TRY(check_id(id));
  auto answer = [&](const Plan& plan) {
    return Launched{.handle = id, .address = network_->address(plan.number).text(), .volumes = plan.volumes};
  };
  auto there = open_process(id);
  if (there.ok()) {
    auto plan = TRY(read_plan(id));
    return answer(plan);
  }
  TRY(release(ctx, id));  // what an earlier attempt has left
  auto plan = TRY(make_plan(request));
  auto started = start(ctx, request, plan);
  if (!started.ok()) {
    auto cleared = release(Context::root(id), id);
    if (!cleared.ok()) LOG_WARN(kLog, "clear instance {}: {}", id, cleared.error().to_string());
    return std::move(started).take_error().with(fmt::format("start instance {}", id));
  }
  return answer(plan);
}

Result<void> LocalProvider::start(const Context& ctx, const LaunchRequest& request, const Plan& plan) {
  const auto& id = request.instance_id;
  auto folder = folder_of(id);
  TRY(os::ensure_folder(folder + "/root", 0755));
  TRY(os::ensure_folder(folder + "/disk", 0755));
  CgroupFolders cgroups(cgroup_name(id));
  auto bindings = TRY(cgroups.create(
      {.cpu_cores = request.type.cpu_cores, .memory_bytes = static_cast<std::uint64_t>(request.type.memory_mb) * kMiB}));

  auto input = TRY(os::create_pipe());
  auto output = TRY(os::create_pipe());
  auto log = TRY(os::open_file(folder + "/init.log", O_WRONLY | O_CREAT | O_APPEND));
  auto child = TRY(os::Child::spawn({.argv = {options_.program, "instance-init"},
                                     .descriptors = {{0, input.read_end.get()}, {1, output.write_end.get()}, {2, log.get()}},
                                     .environment = std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                     .die_with_parent = false,
                                     .own_group = true,
                                     .namespaces = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS}));
  input.read_end.reset();
  output.write_end.reset();
  // Until it has its specification it does nothing, and ends when we do; from here on it is found again.
  auto identity = TRY(os::identify_process(child.pid()));
  auto process =
      codec::json_text(json{{"pid", identity.pid}, {"start_ticks", identity.start_ticks}, {"boot_id", identity.boot_id}});
  TRY(os::replace_file(folder + "/process", as_bytes(process)));
  TRY(cgroups.move_in(child.pid()));
  TRY(network_->attach(
      ctx, {.instance_id = id, .number = plan.number, .process = child.pid(), .link_bits_per_s = request.type.link_bits_per_s}));

  auto boot = options_.boot(request, network_->address(plan.number).text());
  InitSpec spec{.root = folder + "/root",
                .disk = folder + "/disk",
                .program = options_.program,
                .host_name = id,
                .resolver = resolver_text(),
                .cgroups = {},
                .volumes = {},
                .files = std::move(boot.files),
                .programs = std::move(boot.programs)};
  for (const auto& binding : bindings) spec.cgroups.push_back({binding.folder, binding.mount_point});
  for (std::size_t i = 0; i < request.volumes.size(); ++i) spec.volumes.push_back({request.volumes[i], plan.volumes[i]});
  for (const auto& folder_shown : request.folders) spec.volumes.push_back({folder_shown, folder_shown});
  TRY(os::write_all(input.write_end.get(), as_bytes(init_spec_text(spec))));
  input.write_end.reset();
  auto answer = TRY(read_answer(ctx.with_timeout(kUpTimeout), output.read_end.get()));
  if (answer != kInitUp) return make_error(Code::kInternal, "its first process: {}", answer.empty() ? "it ended" : answer);
  std::move(child).leave_running();
  return {};
}

Result<os::UniqueFd> LocalProvider::open_network(const std::string& id, pid_t pid) const {
  auto netns = TRY(os::open_file(fmt::format("/proc/{}/ns/net", pid), O_RDONLY));
  if (!open_process(id).ok()) return make_error(Code::kNotFound, "it has ended");  // that may have been another's namespace
  return netns;
}

Result<void> LocalProvider::end_processes(const Context& ctx, const std::string& id, os::ProcessHandle process) const {
  const auto warn = [&](const Result<void>& done) {
    if (!done.ok()) LOG_WARN(kLog, "end of instance {}: {}", id, done.error().to_string());
  };
  auto netns = open_network(id, process.pid());
  if (netns.ok()) warn(LocalNetwork::give_up_connections_soon(*netns));
  TRY(process.kill());
  TRY(process.wait(ctx.with_timeout(kEndTimeout)));
  if (netns.ok()) warn(LocalNetwork::let_connections_end(ctx, *netns));
  return {};
}

Result<void> LocalProvider::release(const Context& ctx, const std::string& instance_id) {
  TRY(check_id(instance_id));
  auto process = open_process(instance_id);
  if (process.ok()) TRY(end_processes(ctx, instance_id, std::move(process).take()));
  TRY(network_->detach(instance_id));
  TRY(CgroupFolders(cgroup_name(instance_id)).remove(ctx.with_timeout(kEndTimeout)));
  TRY(os::remove_tree(folder_of(instance_id)));
  std::erase_if(*numbers_.lock(), [&](const auto& one) { return one.second == instance_id; });
  return {};
}

Result<std::vector<ProviderInstance>> LocalProvider::list(const Context& ctx) {
  TRY(ctx.check());
  auto names = TRY(os::list_folder(options_.folder));
  std::vector<ProviderInstance> found;
  for (auto& id : names) {
    if (check_id(id).ok() && open_process(id).ok()) found.push_back({id, id});
  }
  return found;
}

Result<void> LocalProvider::remove_network(const Context& ctx) {
  auto names = TRY(os::list_folder(options_.folder));
  if (!names.empty()) return {};
  return network_->remove(ctx);
}

}  // namespace zeropull::fleet
