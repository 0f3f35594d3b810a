#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/index.h"
#include "base/units.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace zeropull::cli {

namespace {

nlohmann::json describe(const artifact::ArtifactIndex& index) {
  const auto& image = index.image();
  nlohmann::json references = nlohmann::json::array();
  for (const auto& one : image.references) references.push_back(one.reference);
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& layer : image.layers) {
    auto data = layer.data_blob ? index.blobs()[*layer.data_blob].size : 0;
    layers.push_back({{"digest", layer.digest.text()},
                      {"diff_id", layer.diff_id.text()},
                      {"chain_id", layer.chain_id.text()},
                      {"media_type", layer.media_type},
                      {"compressed_bytes", layer.compressed_size},
                      {"unpacked_bytes", layer.expanded_size},
                      {"data_bytes", data}});
  }
  return {{"manifest_digest", image.manifest_digest.text()},
          {"config_digest", image.config_digest.text()},
          {"platform",
           {{"os", image.platform.os}, {"architecture", image.platform.architecture}, {"variant", image.platform.variant}}},
          {"references", references},
          {"layers", layers},
          {"metadata_bytes", index.metadata_blob().size},
          {"cached_bytes", index.total_size()},
          {"frames", index.frames()}};
}

std::string describe_for_people(const artifact::ArtifactIndex& index) {
  const auto& image = index.image();
  std::string text = fmt::format("image {}\n", image.manifest_digest);
  for (const auto& one : image.references) text += fmt::format("  reference  {}\n", one.reference);
  text += fmt::format("  platform   {}/{}{}{}\n", image.platform.os, image.platform.architecture,
                      image.platform.variant.empty() ? "" : "/", image.platform.variant);
  text += fmt::format("  cached     {} in {} frames, metadata image {}\n", format_bytes(index.total_size()), index.frames(),
                      format_bytes(index.metadata_blob().size));
  text += fmt::format("  layers     {}\n", image.layers.size());
  for (const auto& layer : image.layers) {
    text += fmt::format("    {}  {:>10} compressed, {:>10} unpacked\n", layer.digest.hex().substr(0, 12),
                        format_bytes(layer.compressed_size), format_bytes(layer.expanded_size));
  }
  text.pop_back();
  return text;
}

nlohmann::json describe_model(const artifact::ArtifactIndex& index) {
  const auto& model = index.model();
  return {{"identity", model.identity.hex()},   {"form", model.form == artifact::ModelForm::kTree ? "tree" : "tar"},
          {"origin_bytes", model.origin_size},  {"metadata_bytes", index.metadata_blob().size},
          {"cached_bytes", index.total_size()}, {"frames", index.frames()}};
}

std::string describe_model_for_people(const artifact::ArtifactIndex& index) {
  const auto& model = index.model();
  return fmt::format("{}\n  origin     {} in {}\n  cached     {} in {} frames, metadata image {}", index.name(),
                     format_bytes(model.origin_size), model.form == artifact::ModelForm::kTree ? "files" : "an archive",
                     format_bytes(index.total_size()), index.frames(), format_bytes(index.metadata_blob().size));
}

struct InspectCommand {
  std::string target;
  std::string key_file;
  bool json = false;
};

// Needs no key for a folder: the seals are then not checked, and it says so.
Result<std::unique_ptr<artifact::CacheFolder>> open_for_inspection(const InspectCommand& command, bool& sealed) {
  auto target = parse_cache_target(command.target, command.key_file);
  TRY(require_folder(target));
  auto key = artifact::EndpointKey::load(target.key_file);
  bool none = key.failed_with(Code::kNotFound) && command.key_file.empty();
  if (!key.ok() && !none) return std::move(key).take_error();
  artifact::CacheFolderOptions options{.access = artifact::Access::kRead, .key = {}};
  sealed = key.ok();
  if (key.ok()) options.key = *key;
  return artifact::CacheFolder::open(target.path, options);
}

}  // namespace

void add_image_inspect(CommandLine line) {
  auto options = std::make_shared<InspectCommand>();
  CLI::App* command = line.parent.add_subcommand("inspect", "What a cache folder or volume holds");
  command->add_option("DIR", options->target, "cache folder or volume")->required();
  command->add_option("--key-file", options->key_file, "the endpoint's key; beside DIR by default");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    bool sealed = false;
    auto folder = open_for_inspection(*options, sealed);
    if (!folder.ok()) {
      exit_code = output.fail(folder.error());
      return;
    }
    nlohmann::json images = nlohmann::json::array();
    std::string text;
    for (const auto& image : (*folder)->images()) {
      images.push_back(describe(*image));
      text += describe_for_people(*image) + "\n";
    }
    nlohmann::json models = nlohmann::json::array();
    for (const auto& one : (*folder)->artifacts()) {
      if (one->name().kind != artifact::ArtifactKind::kModel) continue;
      models.push_back(describe_model(*one));
      text += describe_model_for_people(*one) + "\n";
    }
    nlohmann::json broken = nlohmann::json::array();
    for (const auto& one : (*folder)->broken()) {
      broken.push_back({{"path", one.path}, {"error", one.error.message()}});
      text += fmt::format("BROKEN {}: {}\n", one.path, one.error.message());
    }
    text += sealed ? "seals checked" : "no key beside the folder: seals not checked";
    output.result(text, {{"images", images}, {"models", models}, {"broken", broken}, {"seals_checked", sealed}});
    if (broken.empty()) return;
    exit_code =
        output.fail(make_error(Code::kDataLoss, "{}: {} of {} artifacts are damaged; remove their folders and convert them again",
                               options->target, broken.size(), broken.size() + images.size() + models.size()));
  });
}

}  // namespace zeropull::cli
