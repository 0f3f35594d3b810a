#include "oci/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/digest.h"
#include "codec/json.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

using codec::json_array;
using codec::json_find;
using codec::json_int;
using codec::json_optional_string;
using codec::json_string;
using nlohmann::json;

template <typename Id>
Result<Id> parse_digest(const json& value, std::string_view at) {
  auto text = TRY(json_string(value, at));
  auto id = Id::parse(text);
  if (!id)
    return make_error(Code::kInvalidArgument, "{}: \"{}\" is not sha256: and 64 lower-case hex digits", at, text.substr(0, 160));
  return *id;
}

Result<std::uint64_t> parse_size(const json& value, std::int64_t max) {
  auto size = TRY(json_int(value, "size", {.min = 0, .max = max}));
  return static_cast<std::uint64_t>(size);
}

Result<Platform> parse_platform_object(const json& value) {
  auto os = TRY(json_optional_string(value, "os"));
  auto architecture = TRY(json_optional_string(value, "architecture"));
  auto variant = TRY(json_optional_string(value, "variant"));
  return normalised({os.value_or(""), architecture.value_or(""), variant.value_or("")});
}

Result<Layer> parse_layer(const json& value) {
  Layer layer;
  layer.digest = TRY(parse_digest<LayerDigest>(value, "digest"));
  layer.size = TRY(parse_size(value, kLayerSizeMax));
  auto media_type = TRY(json_optional_string(value, "mediaType"));
  layer.media_type = media_type.value_or("");
  layer.codec = codec_hint(layer.media_type);
  return layer;
}

Result<IndexEntry> parse_entry(const json& value) {
  IndexEntry entry;
  entry.digest = TRY(parse_digest<ManifestDigest>(value, "digest"));
  entry.size = TRY(parse_size(value, kManifestSizeMax));
  auto media_type = TRY(json_optional_string(value, "mediaType"));
  entry.media_type = media_type.value_or("");
  const auto* platform = TRY(codec::json_optional_object(value, "platform"));
  if (platform != nullptr) entry.platform = TRY(parse_platform_object(*platform));
  entry.annotations = TRY(codec::json_optional_string_map(value, "annotations"));
  return entry;
}

Result<Index> parse_index_document(const json& document) {
  const auto* list = TRY(json_array(document, "manifests"));
  if (list->size() > kIndexEntriesMax)
    return make_error(Code::kInvalidArgument, "manifests: {} entries, at most {} are read", list->size(), kIndexEntriesMax);
  Index index;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto entry = TRY(parse_entry((*list)[i]).with_context("manifests/{}", i));
    index.entries.push_back(std::move(entry));
  }
  return index;
}

Result<Manifest> parse_manifest_document(const json& document) {
  Manifest manifest;
  const auto* config = TRY(codec::json_object(document, "config"));
  manifest.config = TRY(parse_digest<ConfigDigest>(*config, "digest").with_context("config"));
  manifest.config_size = TRY(parse_size(*config, kConfigSizeMax).with_context("config"));
  const auto* layers = TRY(json_array(document, "layers"));
  if (layers->size() > kLayersMax)
    return make_error(Code::kInvalidArgument, "layers: {} of them, at most {} are taken", layers->size(), kLayersMax);
  for (std::size_t i = 0; i < layers->size(); ++i) {
    auto layer = TRY(parse_layer((*layers)[i]).with_context("layers/{}", i));
    manifest.layers.push_back(std::move(layer));
  }
  return manifest;
}

bool is_index(std::string_view media_type) { return media_type == kOciIndex || media_type == kDockerList; }
bool is_manifest(std::string_view media_type) { return media_type == kOciManifest || media_type == kDockerManifest; }

// The document's kind: what its mediaType, the server and its fields say must fit together.
Result<std::string> kind_of(const json& document, std::string_view served_as) {
  auto version = TRY(json_int(document, "schemaVersion"));
  if (version != 2)
    return make_error(Code::kInvalidArgument,
                      "schemaVersion {}: only version 2 is read; push the image again with a current tool", version);
  const auto own_type = TRY(json_optional_string(document, "mediaType"));
  const auto own = own_type.value_or("");
  const bool known = is_index(served_as) || is_manifest(served_as);
  if (!own.empty() && !is_index(own) && !is_manifest(own))
    return make_error(Code::kInvalidArgument, "mediaType \"{}\" is no image manifest or index", own.substr(0, 160));
  if (known && !own.empty() && own != served_as)
    return make_error(Code::kInvalidArgument, "mediaType is {} but was served as {}", own, served_as);
  const bool has_manifests = json_find(document, "manifests") != nullptr;
  const bool has_layers = json_find(document, "layers") != nullptr || json_find(document, "config") != nullptr;
  if (has_manifests == has_layers)
    return make_error(Code::kInvalidArgument, "{}",
                      has_layers ? "reads as an index and as a manifest" : "neither an index nor a manifest");
  std::string kind = !own.empty() ? own : known ? std::string(served_as) : std::string(has_manifests ? kOciIndex : kOciManifest);
  if (is_index(kind) != has_manifests) return make_error(Code::kInvalidArgument, "is called {} but has other fields", kind);
  return kind;
}

}  // namespace

CodecHint codec_hint(std::string_view media_type) {
  static const std::map<std::string_view, CodecHint> kKnown = {
      {"application/vnd.oci.image.layer.v1.tar", CodecHint::kNone},
      {"application/vnd.oci.image.layer.v1.tar+gzip", CodecHint::kGzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", CodecHint::kZstd},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar", CodecHint::kNone},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", CodecHint::kGzip},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", CodecHint::kZstd},
      {"application/vnd.docker.image.rootfs.diff.tar", CodecHint::kNone},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", CodecHint::kGzip},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", CodecHint::kZstd},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar", CodecHint::kNone},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", CodecHint::kGzip},
  };
  const auto found = kKnown.find(media_type);
  return found == kKnown.end() ? CodecHint::kByMagic : found->second;
}

Result<std::variant<Manifest, Index>> parse_manifest(std::string raw, std::string_view media_type) {
  const auto document = TRY(codec::parse_json(raw, {.size_max = kManifestSizeMax}));
  auto kind = TRY(kind_of(document, media_type));
  if (is_index(kind)) {
    auto index = TRY(parse_index_document(document));
    return std::variant<Manifest, Index>(std::move(index));
  }
  auto manifest = TRY(parse_manifest_document(document));
  manifest.digest = {codec::sha256(as_bytes(raw))};
  manifest.raw = std::move(raw);
  manifest.media_type = std::move(kind);
  return std::variant<Manifest, Index>(std::move(manifest));
}

Result<Index> parse_index(std::string_view raw) {
  const auto document = TRY(codec::parse_json(raw, {.size_max = kManifestSizeMax}));
  return parse_index_document(document);
}

Result<ImageConfig> parse_config(std::string raw) {
  const auto document = TRY(codec::parse_json(raw, {.size_max = kConfigSizeMax}));
  ImageConfig config;
  config.platform = TRY(parse_platform_object(document));
  if (config.platform.os.empty() || config.platform.architecture.empty())
    return make_error(Code::kInvalidArgument, "names no os and architecture: is this an image's configuration?");
  auto type = TRY(json_string(document, "/rootfs/type"));
  if (type != "layers")
    return make_error(Code::kInvalidArgument, "/rootfs/type is \"{}\", expected \"layers\"", type.substr(0, 160));
  const auto* list = TRY(codec::json_optional_array(document, "/rootfs/diff_ids"));
  if (list != nullptr) {
    if (list->size() > kLayersMax)
      return make_error(Code::kInvalidArgument, "/rootfs/diff_ids: {} of them, at most {} are taken", list->size(), kLayersMax);
    for (const auto& item : *list) {
      auto text = TRY(codec::json_as_string(item, "/rootfs/diff_ids"));
      auto id = DiffId::parse(text);
      if (!id) return make_error(Code::kInvalidArgument, "/rootfs/diff_ids: \"{}\" is no sha256 digest", text.substr(0, 160));
      config.diff_ids.push_back(*id);
    }
  }
  config.digest = {codec::sha256(as_bytes(raw))};
  config.raw = std::move(raw);
  return config;
}

Result<IndexEntry> select_platform(const Index& index, const Platform& wanted) {
  for (const auto& platform : acceptable(wanted)) {
    const auto found = std::ranges::find(index.entries, platform, &IndexEntry::platform);
    if (found != index.entries.end()) return *found;
  }
  std::string present;
  for (const auto& entry : index.entries) {
    if (entry.platform.os.empty() || entry.platform.os == "unknown") continue;  // attestations
    if (present.size() < 512) present += (present.empty() ? "" : ", ") + entry.platform.text();
  }
  return make_error(Code::kNotFound, "no image for {}; there is {}", wanted.text(),
                    present.empty() ? "none for any platform" : present);
}

Result<void> check_layers(const Manifest& manifest, const ImageConfig& config) {
  if (manifest.layers.size() == config.diff_ids.size()) return {};
  return make_error(Code::kInvalidArgument, "the manifest has {} layers, its configuration {} diff ids", manifest.layers.size(),
                    config.diff_ids.size());
}

std::vector<ChainId> chain_ids(std::span<const DiffId> diff_ids) {
  std::vector<ChainId> out;
  for (const auto& id : diff_ids) {
    if (out.empty())
      out.push_back({id.value});
    else
      out.push_back({codec::sha256(as_bytes(out.back().text() + " " + id.text()))});
  }
  return out;
}

}  // namespace zeropull::oci
