#include "agent/agent.h"
#include "agent/managed_agent.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "os/process.h"

namespace zeropull::cli {

void add_agent(CommandLine line) {
  struct Options {
    std::string config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      line.parent.add_subcommand("agent", "Serve this instance: containerd's snapshotter, the caches, the copies");
  command->add_option("--config", options->config, "JSON configuration file; see the README")->required();
  command->callback([options, &exit_code = line.exit_code] {
    Output output(OutputForm::kLines);
    Interrupt interrupt;
    auto config = agent::AgentConfig::load(options->config);
    if (!config.ok()) {
      exit_code = output.fail(config.error());
      return;
    }
    set_log_level(config->log_level);
    if (auto raised = os::raise_open_files(); !raised.ok()) {
      exit_code = output.fail(raised.error());
      return;
    }
    auto ctx = interrupt.context("agent start");
    auto started =
        config->control.address.empty() ? agent::Agent::create(ctx, *config) : agent::create_managed_agent(ctx, *config);
    if (!started.ok()) {
      exit_code = output.fail(started.error());
      return;
    }
    interrupt.wait();
    (*started)->stop();
  });
}

}  // namespace zeropull::cli
