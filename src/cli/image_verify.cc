#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/fetcher.h"
#include "artifact/store_catalog.h"
#include "artifact/verify.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "store/folder_store.h"

namespace zeropull::cli {

namespace {

struct VerifyCommand {
  std::string target;
  std::string key_file;
  std::size_t jobs = 0;
  bool json = false;
};

// Everything in the folder; what is broken fails it.
Result<std::size_t> verify_folder(const Context& ctx, const VerifyCommand& command, Output& output) {
  auto folder = TRY(open_folder_sealed(command.target, command.key_file));
  for (const auto& broken : folder->broken()) return broken.error.clone().with(broken.path);
  auto artifacts = folder->artifacts();
  for (const auto& one : artifacts) {
    artifact::VerifyOptions options{.threads = command.jobs, .progress = output.progress()};
    TRY(artifact::verify_artifact(ctx, *folder, *one, options));
  }
  return artifacts.size();
}

Result<std::size_t> verify_store(const Context& ctx, const CacheTarget& target, Output& output) {
  auto key = TRY(artifact::EndpointKey::load(target.key_file).with_context("the endpoint's key (give --key-file)"));
  auto store = TRY(store::FolderStore::open(target.path));
  auto catalog = TRY(artifact::read_store_catalog(ctx, *store, key));
  for (const auto& broken : catalog.broken) return broken.error.clone().with(broken.name.text());
  auto artifacts = catalog.artifacts();
  for (const auto& one : artifacts) {
    TRY(artifact::verify_store_artifact(ctx, *store, key, *one, {.progress = output.progress()}));
  }
  return artifacts.size();
}

Result<std::size_t> verify(const Context& ctx, const VerifyCommand& command, Output& output) {
  auto target = parse_cache_target(command.target, command.key_file);
  return target.store ? verify_store(ctx, target, output) : verify_folder(ctx, command, output);
}

}  // namespace

void add_image_verify(CommandLine line) {
  auto options = std::make_shared<VerifyCommand>();
  CLI::App* command = line.parent.add_subcommand("verify", "Read back every byte of a cache folder and check it");
  command->add_option("DIR", options->target, "cache folder or volume, or store:DIR")->required();
  command->add_option("--key-file", options->key_file, "the endpoint's key; beside DIR by default");
  command->add_option("--jobs", options->jobs, "threads; by cores by default")->check(CLI::Range(1, 64));
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto verified = verify(interrupt.context("image verify"), *options, output);
    if (!verified.ok()) {
      exit_code = output.fail(verified.error());
      return;
    }
    output.result(fmt::format("{}: {} images and models, every byte as it was sealed", options->target, *verified),
                  {{"target", options->target}, {"artifacts", *verified}});
  });
}

}  // namespace zeropull::cli
