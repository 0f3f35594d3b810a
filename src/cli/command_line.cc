#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace zeropull::cli {

namespace {

constexpr int kUsageError = 2;

// What was wrong, and the help of the command that it was said to.
std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  auto unknown = app->remaining(true);
  std::string parents;
  while (!app->get_subcommands().empty()) {
    parents += app->get_name() + " ";
    app = app->get_subcommands().front();
  }
  std::string what = unknown.empty() ? error.what() : fmt::format("not understood: {}", fmt::join(unknown, " "));
  return fmt::format("zeropull: error: {}\n\n{}", what, app->help(parents + app->get_name()));
}

}  // namespace

int run_command_line(int argc, char** argv) {
  int exit_code = 0;
  CLI::App app("Zeropull: containers on new machines start without a pull.", "zeropull");
  app.set_version_flag("--version", "zeropull 0.1.0");
  app.require_subcommand(1);
  app.failure_message(usage_error);

  CommandLine top{app, exit_code};
  CLI::App& image = *app.add_subcommand("image", "Convert, look at, verify and mount cached images");
  image.require_subcommand(1);
  CommandLine images{image, exit_code};
  add_image_convert(images);
  add_image_inspect(images);
  add_image_verify(images);
  add_image_mount(images);
  CLI::App& store = *app.add_subcommand("store", "Serve and clean an endpoint's encrypted store");
  store.require_subcommand(1);
  CommandLine stores{store, exit_code};
  add_store_serve(stores);
  add_store_collect(stores);
  add_agent(top);
  add_run(top);
  add_images(top);
  add_serve(top);
  add_credentials(top);
  add_instances(top);
  add_logs(top);
  add_timeline(top);
  add_scaling(top);
  add_api(top);
  add_layer_worker(top);
  add_instance_init(top);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;
    return app.got_subcommand("run") ? kRunFailed : kUsageError;
  }
  return exit_code;
}

}  // namespace zeropull::cli
