#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/verify.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

struct VerifyCommand {
  std::string target;
  std::string key_file;
  std::size_t jobs = 0;
  bool json = false;
};

// Every image of the folder; broken ones fail it.
Result<std::size_t> verify_folder(const Context& ctx, const VerifyCommand& command, Output& output) {
  auto folder = TRY(open_folder_sealed(command.target, command.key_file));
  for (const auto& broken : folder->broken()) return broken.error.clone().with(broken.path);
  auto images = folder->images();
  for (const auto& image : images) {
    auto name = "verify " + image->image().manifest_digest.hex().substr(0, 12);
    artifact::VerifyOptions options{.threads = command.jobs, .progress = [&](std::uint64_t done, std::uint64_t total) {
                                      output.report({name, done, total, done == total});
                                    }};
    TRY(artifact::verify_image(ctx, *folder, *image, options).with_context("image {}", image->image().manifest_digest));
  }
  return images.size();
}

}  // namespace

void add_image_verify(CommandLine line) {
  auto options = std::make_shared<VerifyCommand>();
  CLI::App* command = line.parent.add_subcommand("verify", "Read back every byte of a cache folder and check it");
  command->add_option("DIR", options->target, "cache folder or volume, or store:DIR")->required();
  command->add_option("--key-file", options->key_file, "the endpoint's key; beside DIR by default");
  command->add_option("--jobs", options->jobs, "threads; by cores by default");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto verified = verify_folder(interrupt.context("image verify"), *options, output);
    if (!verified.ok()) {
      exit_code = output.fail(verified.error());
      return;
    }
    output.result(fmt::format("{}: {} images, every byte as it was sealed", options->target, *verified),
                  {{"target", options->target}, {"images", *verified}});
  });
}

}  // namespace zeropull::cli
