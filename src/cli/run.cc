#include "runtime/run.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/client.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "runtime/containerd_client.h"

namespace zeropull::cli {

namespace {

struct RunCommand {
  std::string image;
  std::vector<std::string> args;
  std::string agent_socket = "/run/zeropull/agent.sock";
  std::string containerd_socket = "/run/containerd/containerd.sock";
  std::string containerd_namespace = "default";
  std::string snapshotter = "zeropull";
  std::string name;
  std::vector<std::string> environment;
  std::vector<std::string> mounts;
  std::string working_folder;
  bool plain_http = false;
  bool net_host = false;
  bool seccomp = false;
  bool read_only = false;
  bool json = false;
};

// "SOURCE:TARGET[:ro]", a bind mount.
Result<runtime::SpecMount> parse_mount(const std::string& text) {
  auto first = text.find(':');
  auto second = text.find(':', first == std::string::npos ? first : first + 1);
  auto access = second == std::string::npos ? std::string("rw") : text.substr(second + 1);
  if (first == std::string::npos || text[0] != '/' || (access != "ro" && access != "rw")) {
    return make_error(Code::kInvalidArgument, "--mount {:?}: give /SOURCE:/TARGET or /SOURCE:/TARGET:ro", text);
  }
  runtime::SpecMount mount;
  mount.type = "bind";
  mount.source = text.substr(0, first);
  mount.destination = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  mount.options = {"rbind", access};
  return mount;
}

Result<runtime::RunOptions> run_options(const RunCommand& command, const agent::AgentImage& image) {
  runtime::RunOptions options;
  options.image = command.image;
  options.config = TRY(runtime::parse_image_config(as_bytes(image.config)).with_context("configuration of {}", command.image));
  if (!image.chain_id.empty()) options.layers = ChainId::parse(image.chain_id);
  options.snapshotter = command.snapshotter;
  options.spec.container_id = command.name.empty() ? fmt::format("zeropull-{:016x}", Random::secure().next()) : command.name;
  options.spec.containerd_namespace = command.containerd_namespace;
  options.spec.args = command.args;
  options.spec.environment = command.environment;
  options.spec.working_folder = command.working_folder;
  for (const auto& text : command.mounts) {
    auto mount = TRY(parse_mount(text));
    options.spec.mounts.push_back(std::move(mount));
  }
  options.spec.network = command.net_host ? runtime::Network::kHost : runtime::Network::kOwn;
  options.spec.seccomp = command.seccomp ? runtime::Seccomp::kDefault : runtime::Seccomp::kNone;
  options.spec.root_access = command.read_only ? runtime::RootAccess::kReadOnly : runtime::RootAccess::kReadWrite;
  return options;
}

Result<int> run(const RunCommand& command, const Context& ctx, Output& output) {
  auto containerd = TRY(runtime::ContainerdClient::create(
      {.socket = command.containerd_socket, .containerd_namespace = command.containerd_namespace}));
  auto client = agent::AgentClient::create(command.agent_socket);
  auto image = TRY(
      client->ensure_image(ctx, command.image, command.plain_http, output.progress()).with_context("image {}", command.image));
  output.event("image_cached", {{"source", image.source}, {"manifest_digest", image.manifest_digest}});

  auto options = TRY(run_options(command, image));
  runtime::RunProgress progress;
  progress.image_ready = [&] { output.event("image_ready", {}); };
  progress.started = [&] { output.event("started", {{"container", options.spec.container_id}}); };
  progress.first_output = [&] { output.event("first_output", {}); };
  runtime::Stdio stdio{.input = 0, .output = command.json ? 2 : 1, .error = 2};
  auto outcome = TRY(runtime::run_container(ctx, containerd, options, stdio, progress));
  output.event("exited", {{"exit_code", outcome.exit_code}});
  return static_cast<int>(outcome.exit_code);
}

}  // namespace

void add_run(CommandLine line) {
  auto options = std::make_shared<RunCommand>();
  CLI::App* command = line.parent.add_subcommand("run", "Start a container from a cached image; its registry is not asked");
  command->add_option("--image", options->image, "host/repo:tag or host/repo@sha256:..")->required();
  command->add_option("CMD", options->args, "instead of the image's entrypoint and command, after --");
  command->add_option("--agent", options->agent_socket, "the agent's socket")->capture_default_str();
  command->add_option("--containerd", options->containerd_socket, "containerd's socket")->capture_default_str();
  command->add_option("--namespace", options->containerd_namespace, "containerd's namespace")->capture_default_str();
  command->add_option("--snapshotter", options->snapshotter, "the agent's name in containerd's configuration")
      ->capture_default_str();
  command->add_option("--name", options->name, "the container's id; a new one by default");
  command->add_option("--env", options->environment, "NAME=value; may be repeated")->allow_extra_args(false);
  command->add_option("--mount", options->mounts, "/SOURCE:/TARGET[:ro]; may be repeated")->allow_extra_args(false);
  command->add_option("--cwd", options->working_folder, "instead of the image's working folder");
  command->add_flag("--plain-http", options->plain_http, "the registry, if it must be asked, speaks plain HTTP");
  command->add_flag("--net-host", options->net_host, "the host's network");
  command->add_flag("--seccomp", options->seccomp, "containerd's default seccomp profile");
  command->add_flag("--read-only", options->read_only, "a read-only root");
  command->add_flag("--json", options->json, "events as JSON lines; the container's output goes to standard error");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto code = run(*options, interrupt.context("run", std::chrono::hours(24 * 365)), output);
    if (!code.ok()) output.fail(code.error());
    exit_code = code.ok() ? *code : kRunFailed;
  });
}

}  // namespace zeropull::cli
