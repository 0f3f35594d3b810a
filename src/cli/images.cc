#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/client.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

struct ImagesOptions {
  std::string socket = "/run/zeropull/agent.sock";
  std::string reference;
  bool json = false;
};

int list_images(const ImagesOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto images = agent::AgentClient::create(options.socket)->list_images(interrupt.context("images", std::chrono::minutes(1)));
  if (!images.ok()) return output.fail(images.error());
  nlohmann::json list = nlohmann::json::array();
  std::string text = fmt::format("{:<8} {:>10}  {:<71}  {}", "FROM", "SIZE", "MANIFEST", "REFERENCE");
  for (const auto& image : *images) {
    list.push_back({{"source", image.source},
                    {"unpacked_bytes", image.unpacked_bytes},
                    {"manifest_digest", image.manifest_digest},
                    {"reference", image.reference}});
    text += fmt::format("\n{:<8} {:>10}  {:<71}  {}", image.source, format_bytes(image.unpacked_bytes), image.manifest_digest,
                        image.reference);
  }
  output.result(text, {{"images", list}});
  return 0;
}

int remove_image(const ImagesOptions& options) {
  Output output(Output::choose(options.json));
  Interrupt interrupt;
  auto ctx = interrupt.context("images remove", std::chrono::minutes(10));
  auto removed = agent::AgentClient::create(options.socket)->remove_image(ctx, options.reference);
  if (!removed.ok()) return output.fail(removed.error());
  output.result(fmt::format("removed {}", options.reference), {{"reference", options.reference}});
  return 0;
}

}  // namespace

void add_images(CommandLine line) {
  auto options = std::make_shared<ImagesOptions>();
  CLI::App* command = line.parent.add_subcommand("images", "The images that this instance's agent holds");
  command->require_subcommand(1);
  auto add = [&](CLI::App* sub) {
    sub->add_option("--agent", options->socket, "the agent's socket")->capture_default_str();
    sub->add_flag("--json", options->json, "one JSON object a line");
  };
  CLI::App* list = command->add_subcommand("list", "List them");
  add(list);
  list->callback([options, &exit_code = line.exit_code] { exit_code = list_images(*options); });
  CLI::App* remove = command->add_subcommand("remove", "Forget one on this instance; volumes and stores are not touched");
  add(remove);
  remove->add_option("REF", options->reference, "host/repo:tag or host/repo@sha256:..")->required();
  remove->callback([options, &exit_code = line.exit_code] { exit_code = remove_image(*options); });
}

}  // namespace zeropull::cli
