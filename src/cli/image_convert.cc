#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/converter.h"
#include "artifact/keys.h"
#include "artifact/publisher.h"
#include "base/units.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "oci/registry.h"
#include "os/file.h"
#include "store/folder_store.h"

namespace zeropull::cli {

namespace {

struct ConvertCommand {
  std::string from;
  std::string to;
  std::string key_file;
  std::string name;
  std::string platform;
  std::string auth_file;
  std::vector<std::string> mirrors;
  std::size_t jobs = 0;
  std::uint64_t layer_expanded_max = artifact::kLayerExpandedMax;
  std::uint32_t progress_timeout_s = 30;
  bool plain_http = false;
  bool json = false;
};

// What `zeropull run --image` and containerd will call the image.
Result<std::string> name_to_record(const ConvertCommand& command, const oci::Reference& reference) {
  if (!command.name.empty()) {
    auto named = TRY(oci::parse_image_name(command.name).with_context("--name"));
    return named.name();
  }
  const auto* registry = std::get_if<oci::RegistryReference>(&reference);
  return registry != nullptr ? registry->name() : std::string();
}

// The image to convert and how, read from the command line before anything is written.
struct Work {
  std::unique_ptr<oci::ImageSource> source;
  artifact::ConvertOptions options;
};

Result<Work> read_work(const ConvertCommand& command, Output& output) {
  auto reference = TRY(oci::parse_reference(command.from).with_context("--from"));
  oci::RegistryOptions source_options{.auth_file = command.auth_file, .mirrors = command.mirrors};
  source_options.progress_timeout = std::chrono::seconds(command.progress_timeout_s);
  if (command.plain_http) source_options.plain = http::Plain::kAllowed;
  Work work;
  work.source = TRY(oci::open_image_source(reference, std::move(source_options)));
  work.options.reference = TRY(name_to_record(command, reference));
  work.options.jobs = command.jobs;
  work.options.limits.expanded_max = command.layer_expanded_max;
  work.options.progress = output.progress();
  if (!command.platform.empty()) work.options.platform = TRY(oci::parse_platform(command.platform).with_context("--platform"));
  return work;
}

Result<artifact::ImagePtr> convert_into_folder(const Context& ctx, const Work& work, const std::string& folder_path,
                                               const artifact::EndpointKey& key) {
  artifact::CacheFolderOptions folder_options{.access = artifact::Access::kWrite, .key = key};
  auto folder = TRY(artifact::CacheFolder::open(folder_path, folder_options));
  auto image = artifact::convert_image(ctx, *work.source, *folder, work.options);
  (void)folder->collect({});  // what this conversion left if it failed, and one before it that was killed
  return image;
}

Result<artifact::ImagePtr> convert(const Context& ctx, const ConvertCommand& command, Output& output) {
  auto work = TRY(read_work(command, output));
  auto target = parse_cache_target(command.to, command.key_file);
  if (!target.store) TRY(artifact::CacheFolder::check_place(target.path));
  auto key = TRY(artifact::EndpointKey::load_or_create(target.key_file, Random::secure()).with_context("the endpoint's key"));
  if (!target.store) return convert_into_folder(ctx, work, target.path, key);

  // The store holds frames alone, so the image is made beside it, published from there, and goes.
  work.options.blob_writes = artifact::BlobWrites::kCached;
  auto scratch = TRY(os::ScratchFolder::create(os::parent_folder(target.path), ".zeropull-convert-"));
  auto image = TRY(convert_into_folder(ctx, work, scratch.path(), key));
  auto store = TRY(store::FolderStore::open(target.path));
  artifact::CacheFolderOptions folder_options{.access = artifact::Access::kRead, .key = key};
  auto folder = TRY(artifact::CacheFolder::open(scratch.path(), folder_options));
  auto publisher = TRY(artifact::Publisher::create(ctx, *store, key, {.progress = output.progress()}));
  TRY(publisher->publish_artifact(ctx, *folder, image->contents()).with_context("publish to {}", target.path));
  return image;
}

void show(const ConvertCommand& command, const artifact::ArtifactIndex& index, Output& output) {
  const auto& image = index.image();
  std::uint64_t compressed = 0;
  std::uint64_t unpacked = 0;
  for (const auto& layer : image.layers) {
    compressed += layer.compressed_size;
    unpacked += layer.expanded_size;
  }
  output.result(fmt::format("{}: image {} is in {}: {} layers, {} compressed, {} unpacked", command.from, image.manifest_digest,
                            command.to, image.layers.size(), format_bytes(compressed), format_bytes(unpacked)),
                {{"from", command.from},
                 {"to", command.to},
                 {"manifest_digest", image.manifest_digest.text()},
                 {"chain_id", image.layers.empty() ? std::string() : image.layers.back().chain_id.text()},
                 {"layers", image.layers.size()},
                 {"compressed_bytes", compressed},
                 {"unpacked_bytes", unpacked},
                 {"metadata_bytes", index.metadata_blob().size}});
}

}  // namespace

void add_image_convert(CommandLine line) {
  auto options = std::make_shared<ConvertCommand>();
  CLI::App* command = line.parent.add_subcommand("convert", "Make an image an artifact in a cache volume or store");
  command->add_option("--from", options->from, "docker://host/repo:tag, docker://host/repo@sha256:.. or oci:LAYOUT_DIR[:tag]")
      ->required();
  command->add_option("--to", options->to, "DIR for a sealed cache volume, store:DIR for an encrypted store")->required();
  command->add_option("--name", options->name, "the name to find the image by; of a registry's image its own by default");
  command->add_option("--key-file", options->key_file, "the endpoint's key, made when absent; DIR.key by default");
  command->add_option("--platform", options->platform, "os/arch[/variant]; this machine's by default");
  command->add_option("--authfile", options->auth_file, "docker's config.json");
  command->add_option("--mirror", options->mirrors, "host[:port] asked before the registry; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--jobs", options->jobs, "layers at once; by cores by default")->check(CLI::Range(1, 64));
  command->add_option("--layer-expanded-max", options->layer_expanded_max, "bytes that one layer may expand to")
      ->capture_default_str();
  command
      ->add_option("--progress-timeout", options->progress_timeout_s, "seconds without a byte before a transfer is tried again")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->add_flag("--plain-http", options->plain_http, "the registry speaks plain HTTP");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto image = convert(interrupt.context("image convert"), *options, output);
    if (!image.ok()) {
      exit_code = output.fail(image.error());
      return;
    }
    show(*options, **image, output);
  });
}

}  // namespace zeropull::cli
