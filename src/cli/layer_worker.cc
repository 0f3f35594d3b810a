#include "artifact/layer_worker.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace zeropull::cli {

// Hidden: a conversion starts it with its descriptors in place. See artifact/layer_worker.h.
void add_layer_worker(CommandLine line) {
  auto limits = std::make_shared<artifact::UnpackLimits>();
  CLI::App* command = line.parent.add_subcommand("layer-worker")->group("");
  command->add_option("--expanded-max", limits->expanded_max)->required();
  command->add_option("--zstd-window-log-max", limits->zstd_window_log_max)->required();
  command->callback([limits, &exit_code = line.exit_code] { exit_code = artifact::layer_worker_main(*limits); });
}

}  // namespace zeropull::cli
