#include "agent/copy_containers.h"

#include <signal.h>

#include <algorithm>
#include <cmath>

#include "agent/copy_limits.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/containers.h"
#include "runtime/run.h"
#include "runtime/tasks.h"

namespace zeropull::agent {

namespace {

constexpr const char* kModelFolder = "/opt/ml/model";
constexpr std::uint64_t kSharesOfCore = 1024;
constexpr std::uint64_t kSharesMin = 2;
constexpr std::uint64_t kSharesMax = 262144;  // of cgroup v1, and what runc converts to v2's weights

std::uint64_t shares_of(double cores) {
  if (!(cores > 0)) return 0;
  auto shares = std::min(std::round(cores * kSharesOfCore), static_cast<double>(kSharesMax));
  return std::max(static_cast<std::uint64_t>(shares), kSharesMin);
}

// A name is 63 bytes of letters, digits and hyphens.
std::string host_name_of(const Copy& copy) {
  std::string name = copy.host_name.empty() ? copy.id : copy.host_name;
  std::ranges::replace_if(name, [](char c) { return c == '_' || c == '.'; }, '-');
  return name.substr(0, 63);
}

class ContainerdCopies final : public CopyContainers {
 public:
  ContainerdCopies(runtime::ContainerdClient client, Options options)
      : client_(std::move(client)), options_(std::move(options)) {}

  Result<void> start(const Context& ctx, const NewContainer& container) override {
    auto run = TRY(run_options(container));
    TRY(runtime::start_container(ctx, client_, run, container.log_file));
    return {};
  }

  Result<ContainerState> state(const Context& ctx, const std::string& id) override {
    auto found = runtime::Tasks(client_).state(ctx, id);
    if (found.failed_with(Code::kNotFound)) return ContainerState{};
    auto task = TRY(std::move(found));
    switch (task.status) {
      case runtime::TaskStatus::kCreated: return ContainerState{};
      case runtime::TaskStatus::kStopped: return ContainerState{.status = ContainerStatus::kEnded, .exit_code = task.exit_code};
      default: return ContainerState{.status = ContainerStatus::kRunning};
    }
  }

  Result<std::uint32_t> wait(const Context& ctx, const std::string& id) override { return runtime::Tasks(client_).wait(ctx, id); }

  Result<void> stop(const Context& ctx, const std::string& id, Duration grace) override {
    auto stopped = runtime::stop_container(ctx, client_, {.container_id = id, .signal = SIGTERM, .grace = grace});
    if (stopped.failed_with(Code::kNotFound)) return {};
    TRY(std::move(stopped));
    return {};
  }

  Result<void> remove(const Context& ctx, const std::string& id) override { return runtime::remove_container(ctx, client_, id); }

  Result<std::vector<std::string>> list(const Context& ctx) override {
    auto records = TRY(runtime::Containers(client_).list(ctx, {fmt::format("labels.\"{}\"", kCopyLabel)}));
    std::vector<std::string> ids;
    for (const auto& record : records) ids.push_back(record.id);
    return ids;
  }

  Result<os::CgroupUsage> usage(const Context& ctx, const std::string& id) override {
    auto task = TRY(runtime::Tasks(client_).state(ctx, id));
    return os::cgroup_usage(task.pid);
  }

 private:
  // The container's names for itself and for its network, which its image cannot know.
  Result<void> add_name_files(const NewContainer& container, const std::string& host_name,
                              std::vector<runtime::SpecMount>& mounts) const {
    std::string hosts = container.folder + "/hosts";
    TRY(os::replace_file(
        hosts, as_bytes(fmt::format("127.0.0.1 localhost\n::1 localhost\n{} {}\n", container.address, host_name)), 0644));
    mounts.push_back({"/etc/hosts", "bind", hosts, {"rbind", "ro"}});
    if (container.copy.outbound == Outbound::kAllowed && os::exists(options_.resolver_file)) {
      mounts.push_back({"/etc/resolv.conf", "bind", options_.resolver_file, {"rbind", "ro"}});
    }
    return {};
  }

  Result<runtime::RunOptions> run_options(const NewContainer& container) const {
    const Copy& copy = container.copy;
    runtime::RunOptions run;
    run.image = copy.image;
    run.config = TRY(runtime::parse_image_config(container.image.config));
    run.layers = container.image.chain;
    run.snapshotter = options_.snapshotter;
    run.scratch_folder = options_.scratch_folder;
    runtime::SpecOptions& spec = run.spec;
    spec.container_id = copy.id;
    if (!copy.arguments.empty()) {  // docker run IMAGE ARGUMENTS...
      spec.args = run.config.entrypoint;
      spec.args.insert(spec.args.end(), copy.arguments.begin(), copy.arguments.end());
    }
    for (const auto& [name, value] : copy.environment) spec.environment.push_back(name + "=" + value);
    spec.labels = {{kCopyLabel, copy.component}};
    spec.host_name = host_name_of(copy);
    spec.seccomp = runtime::Seccomp::kDefault;
    spec.network = runtime::Network::kJoined;
    spec.network_namespace = container.netns;
    TRY(add_name_files(container, spec.host_name, spec.mounts));
    if (!container.model_path.empty()) {
      spec.mounts.push_back({kModelFolder, "bind", container.model_path, {"rbind", "ro", "nosuid", "nodev"}});
    }
    auto catalog = TRY(DeviceCatalog::load(options_.devices));
    auto edits = TRY(catalog.edits_for(copy.resources.accelerators));
    // Last, so that nothing of the image's or the copy's own gives it other devices.
    spec.environment.insert(spec.environment.end(), edits.environment.begin(), edits.environment.end());
    spec.mounts.insert(spec.mounts.end(), edits.mounts.begin(), edits.mounts.end());
    spec.devices = std::move(edits.devices);
    spec.hooks = std::move(edits.hooks);
    auto open_files_max = TRY(os::open_files_max());
    spec.limits = {.memory_bytes = copy.resources.memory_limit_bytes,
                   .cpu_shares = shares_of(copy.resources.cpu_cores),
                   .open_files = std::min(kOpenFiles, open_files_max),
                   .shared_memory_size = "50%",  // what it holds counts against the memory limit
                   .cgroup_parent = options_.cgroup_parent};
    return run;
  }

  const runtime::ContainerdClient client_;
  const Options options_;
};

}  // namespace

std::unique_ptr<CopyContainers> CopyContainers::over(runtime::ContainerdClient client, Options options) {
  return std::make_unique<ContainerdCopies>(std::move(client), std::move(options));
}

}  // namespace zeropull::agent
