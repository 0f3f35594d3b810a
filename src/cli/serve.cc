#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "control/server/control_plane.h"
#include "os/process.h"

namespace zeropull::cli {

namespace {

struct ServeCommand {
  std::string config;
  std::string root;
  bool release_all = false;
  bool json = false;
};

Result<server::ServeConfig> configuration(const ServeCommand& command) {
  if (!command.config.empty()) return server::ServeConfig::load(command.config);
  auto text = command.root.empty() ? nlohmann::json::object() : nlohmann::json{{"root", command.root}};
  return server::ServeConfig::parse(text.dump(), "command line");
}

int serve(const ServeCommand& command) {
  Output output(Output::choose(command.json));
  Interrupt interrupt;
  auto config = configuration(command);
  if (!config.ok()) return output.fail(config.error());
  set_log_level(config->log_level);
  if (auto raised = os::raise_open_files(); !raised.ok()) return output.fail(raised.error());
  if (command.release_all) {
    auto released = server::release_all(interrupt.context("release all"), *config);
    return released.ok() ? 0 : output.fail(released.error());
  }
  auto plane = server::ControlPlane::create(interrupt.context("serve"), *config);
  if (!plane.ok()) return output.fail(plane.error());
  output.result(fmt::format("serve on {}; credentials: {}/credentials", (*plane)->url(), config->root),
                {{"url", (*plane)->url()}, {"credentials", config->root + "/credentials"}});
  interrupt.wait();
  (*plane)->stop();
  return 0;
}

}  // namespace

void add_serve(CommandLine line) {
  auto options = std::make_shared<ServeCommand>();
  CLI::App* command = line.parent.add_subcommand("serve", "Run the control plane: the API, instances, copies, requests");
  auto* config = command->add_option("--config", options->config, "JSON configuration file; see the README");
  command->add_option("--root", options->root, "folder of state, store and instances; all else by default")->excludes(config);
  command->add_flag("--release-all", options->release_all, "end every instance of provider local below the root, then exit");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] { exit_code = serve(*options); });
}

}  // namespace zeropull::cli
