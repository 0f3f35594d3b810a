#include "control/fleet/instance_init.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace zeropull::cli {

// Hidden: provider `local` starts it as the first process of an instance.
void add_instance_init(CommandLine line) {
  CLI::App* command = line.parent.add_subcommand("instance-init")->group("");
  command->callback([&exit_code = line.exit_code] { exit_code = fleet::instance_init_main(); });
}

}  // namespace zeropull::cli
