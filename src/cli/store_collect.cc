#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/collector.h"
#include "artifact/store_catalog.h"
#include "base/units.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "oci/reference.h"
#include "store/folder_store.h"

namespace zeropull::cli {

namespace {

struct StoreCommand {
  std::string folder;
  std::string key_file;
  std::string image;
  double grace_hours = 0;
  bool everything = false;
  bool json = false;
};

Result<artifact::EndpointKey> load_key(const StoreCommand& command) {
  auto target = parse_cache_target("store:" + command.folder, command.key_file);
  return artifact::EndpointKey::load(target.key_file).with_context("the endpoint's key (give --key-file)");
}

Result<artifact::StoreCollected> collect(const Context& ctx, const StoreCommand& command) {
  auto key = TRY(load_key(command));
  auto store = TRY(store::FolderStore::open(command.folder));
  artifact::StoreCollectOptions options;
  if (command.grace_hours > 0)
    options.grace = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<3600>>(command.grace_hours));
  return artifact::collect_store(ctx, *store, key, options);
}

Result<ManifestDigest> remove(const Context& ctx, const StoreCommand& command) {
  auto key = TRY(load_key(command));
  auto store = TRY(store::FolderStore::open(command.folder));
  auto digest = ManifestDigest::parse(command.image);
  if (!digest) {
    auto reference = TRY(oci::parse_image_name(command.image));
    auto catalog = TRY(artifact::read_store_catalog(ctx, *store, key));
    auto image = catalog.find_reference(reference.name());
    if (!image) return make_error(Code::kNotFound, "{} holds no image {}", command.folder, command.image);
    digest = image->image().manifest_digest;
  }
  TRY(artifact::remove_store_artifact(ctx, *store, key, *digest));
  return *digest;
}

Result<std::uint64_t> purge(const Context& ctx, const StoreCommand& command) {
  if (!command.everything)
    return make_error(Code::kInvalidArgument, "purge deletes every object of {}: confirm with --everything", command.folder);
  auto store = TRY(store::FolderStore::open(command.folder));
  return artifact::purge_store(ctx, *store);
}

}  // namespace

void add_store_collect(CommandLine line) {
  auto options = std::make_shared<StoreCommand>();
  auto add = [&](const char* name, const char* description) {
    CLI::App* command = line.parent.add_subcommand(name, description);
    command->add_option("DIR", options->folder, "the store's folder")->required();
    command->add_option("--key-file", options->key_file, "the endpoint's key; beside DIR by default");
    command->add_flag("--json", options->json, "one JSON object a line");
    return command;
  };
  CLI::App* collecting = add("collect", "Delete what no image of the store names any more");
  collecting->add_option("--grace-hours", options->grace_hours, "how long an orphan stays; a day by default");
  collecting->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto collected = collect(interrupt.context("store collect"), *options);
    if (!collected.ok()) {
      exit_code = output.fail(collected.error());
      return;
    }
    output.result(fmt::format("deleted {} packs, {}", collected->packs, format_bytes(collected->bytes)),
                  {{"packs", collected->packs}, {"bytes", collected->bytes}, {"indexes", collected->indexes}});
  });

  CLI::App* removing = add("remove", "Remove an image from the store; collect frees its packs");
  removing->add_option("--image", options->image, "reference or manifest digest")->required();
  removing->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto removed = remove(interrupt.context("store remove"), *options);
    if (!removed.ok()) {
      exit_code = output.fail(removed.error());
      return;
    }
    output.result(fmt::format("removed {}", *removed), {{"manifest_digest", removed->text()}});
  });

  CLI::App* purging = add("purge", "Delete everything: the end of an endpoint");
  purging->add_flag("--everything", options->everything, "yes, every object");
  purging->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto purged = purge(interrupt.context("store purge"), *options);
    if (!purged.ok()) {
      exit_code = output.fail(purged.error());
      return;
    }
    output.result(fmt::format("deleted {} objects", *purged), {{"objects", *purged}});
  });
}

}  // namespace zeropull::cli
