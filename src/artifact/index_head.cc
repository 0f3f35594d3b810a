#include "artifact/index_head.h"

#include <nlohmann/json.hpp>
#include <set>

#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/json.h"

namespace zeropull::artifact {

namespace {

using nlohmann::json;

constexpr std::string_view kTreeForm = "tree";
constexpr std::string_view kTarForm = "tar";

Result<std::string> parse_text(const json& object, std::string_view at) {
  auto text = TRY(codec::json_string(object, at));
  if (text.size() > kHeadTextMax) return make_error(Code::kInvalidArgument, "{}: longer than {} bytes", at, kHeadTextMax);
  return text;
}

template <typename T>
Result<T> parse_digest(const json& object, std::string_view at) {
  auto text = TRY(codec::json_string(object, at));
  auto digest = T::parse(text);
  if (!digest) return make_error(Code::kInvalidArgument, "{}: not a SHA-256 digest", at);
  return *digest;
}

Result<std::uint64_t> parse_number(const json& object, std::string_view at, std::uint64_t max) {
  auto number = TRY(codec::json_int(object, at, {.min = 0, .max = static_cast<std::int64_t>(max)}));
  return static_cast<std::uint64_t>(number);
}

Result<std::string> parse_base64(const json& object, std::string_view at, std::uint64_t size_max) {
  auto text = TRY(codec::json_string(object, at));
  auto bytes = codec::base64_decode(text);
  if (!bytes) return make_error(Code::kInvalidArgument, "{}: not base64", at);
  if (bytes->size() > size_max) return make_error(Code::kInvalidArgument, "{}: larger than {} bytes", at, size_max);
  return std::string(as_text(*bytes));
}

// Applies `parse` to each element of the array at `at`, with the element's place in the error.
template <typename T>
Result<std::vector<T>> parse_array(const json& object, std::string_view at, std::size_t count_max,
                                   Result<T> (*parse)(const json&)) {
  const json* array = TRY(codec::json_array(object, at));
  if (array->size() > count_max) return make_error(Code::kInvalidArgument, "{}: more than {} elements", at, count_max);
  std::vector<T> values;
  values.reserve(array->size());
  for (const json& element : *array) {
    auto value = TRY(parse(element).with_context("{}[{}]", at, values.size()));
    values.push_back(std::move(value));
  }
  return values;
}

Result<BlobNumber> parse_blob_number(const json& object, std::string_view at) {
  auto number = TRY(parse_number(object, at, kBlobsMax));
  return static_cast<BlobNumber>(number);
}

Result<ResolvedReference> parse_reference(const json& object) {
  ResolvedReference reference;
  reference.reference = TRY(parse_text(object, "reference"));
  auto time = TRY(codec::json_int(object, "time_ms"));
  reference.time = ResolvedTime(std::chrono::milliseconds(time));
  return reference;
}

Result<ImageLayer> parse_layer(const json& object) {
  ImageLayer layer;
  layer.digest = TRY(parse_digest<LayerDigest>(object, "digest"));
  layer.media_type = TRY(parse_text(object, "media_type"));
  layer.compressed_size = TRY(parse_number(object, "compressed_size", INT64_MAX));
  layer.diff_id = TRY(parse_digest<DiffId>(object, "diff_id"));
  layer.chain_id = TRY(parse_digest<ChainId>(object, "chain_id"));
  layer.expanded_size = TRY(parse_number(object, "expanded_size", INT64_MAX));
  layer.tree_blob = TRY(parse_blob_number(object, "tree_blob"));
  if (codec::json_find(object, "data_blob") != nullptr) {
    auto number = TRY(parse_blob_number(object, "data_blob"));
    layer.data_blob = number;
  }
  return layer;
}

Result<Sha256> parse_pack(const json& value) {
  auto text = TRY(codec::json_as_string(value, "pack"));
  auto name = Sha256::from_hex(text);
  if (!name) return make_error(Code::kInvalidArgument, "not 64 hexadecimal digits");
  return *name;
}

Result<BlobDescription> parse_blob(const json& object) {
  BlobDescription blob;
  auto role = TRY(codec::json_string(object, "role"));
  auto known = parse_role(role);
  if (!known) return make_error(Code::kInvalidArgument, "role: unknown");
  blob.role = *known;
  blob.id = TRY(parse_digest<BlobId>(object, "id"));
  blob.size = TRY(parse_number(object, "size", kFramesMax * kFrameSize));
  blob.frame_size = TRY(parse_number(object, "frame_size", kFrameSize));
  if (blob.frame_size != kFrameSize) return make_error(Code::kInvalidArgument, "frame_size: not {}", kFrameSize);
  blob.first_frame = TRY(parse_number(object, "first_frame", kFramesMax));
  blob.packs = TRY(parse_array<Sha256>(object, "packs", kFramesMax, parse_pack));
  return blob;
}

Result<ImageDescription> parse_image(const json& object) {
  ImageDescription image;
  image.references = TRY(parse_array<ResolvedReference>(object, "references", kReferencesMax, parse_reference));
  image.manifest_digest = TRY(parse_digest<ManifestDigest>(object, "/manifest/digest"));
  image.manifest_media_type = TRY(parse_text(object, "/manifest/media_type"));
  image.manifest = TRY(parse_base64(object, "/manifest/bytes", kManifestSizeMax));
  image.config_digest = TRY(parse_digest<ConfigDigest>(object, "/config/digest"));
  image.config = TRY(parse_base64(object, "/config/bytes", kConfigSizeMax));
  image.platform.os = TRY(parse_text(object, "/platform/os"));
  image.platform.architecture = TRY(parse_text(object, "/platform/architecture"));
  image.platform.variant = TRY(parse_text(object, "/platform/variant"));
  image.layers = TRY(parse_array<ImageLayer>(object, "layers", kLayersMax, parse_layer));
  image.metadata_blob = TRY(parse_blob_number(object, "metadata_blob"));
  return image;
}

Result<ModelDescription> parse_model(const json& object) {
  ModelDescription model;
  auto identity = TRY(codec::json_string(object, "identity"));
  auto digest = Sha256::from_hex(identity);
  if (!digest) return make_error(Code::kInvalidArgument, "identity: not 64 hexadecimal digits");
  model.identity = ModelIdentity{*digest};
  auto form = TRY(codec::json_string(object, "form"));
  if (form != kTreeForm && form != kTarForm) return make_error(Code::kInvalidArgument, "form: unknown");
  model.form = form == kTreeForm ? ModelForm::kTree : ModelForm::kTar;
  model.origin_size = TRY(parse_number(object, "origin_size", INT64_MAX));
  model.tree_blob = TRY(parse_blob_number(object, "tree_blob"));
  if (codec::json_find(object, "data_blob") != nullptr) {
    auto number = TRY(parse_blob_number(object, "data_blob"));
    model.data_blob = number;
  }
  model.metadata_blob = TRY(parse_blob_number(object, "metadata_blob"));
  return model;
}

json encode_model(const ModelDescription& model) {
  json object = {{"identity", model.identity.hex()},
                 {"form", model.form == ModelForm::kTree ? kTreeForm : kTarForm},
                 {"origin_size", model.origin_size},
                 {"tree_blob", model.tree_blob},
                 {"data_blob", nullptr},
                 {"metadata_blob", model.metadata_blob}};
  if (model.data_blob) object["data_blob"] = *model.data_blob;
  return object;
}

json encode_layer(const ImageLayer& layer) {
  json object = {{"digest", layer.digest.text()},
                 {"media_type", layer.media_type},
                 {"compressed_size", layer.compressed_size},
                 {"diff_id", layer.diff_id.text()},
                 {"chain_id", layer.chain_id.text()},
                 {"expanded_size", layer.expanded_size},
                 {"tree_blob", layer.tree_blob},
                 {"data_blob", nullptr}};
  if (layer.data_blob) object["data_blob"] = *layer.data_blob;
  return object;
}

json encode_blob(const BlobDescription& blob) {
  json packs = json::array();
  for (const Sha256& pack : blob.packs) packs.push_back(pack.hex());
  return {{"role", role_name(blob.role)},    {"id", blob.id.text()},     {"size", blob.size}, {"frame_size", blob.frame_size},
          {"first_frame", blob.first_frame}, {"packs", std::move(packs)}};
}

json encode_image(const ImageDescription& image) {
  json references = json::array();
  for (const auto& reference : image.references) {
    references.push_back({{"reference", reference.reference}, {"time_ms", reference.time.time_since_epoch().count()}});
  }
  json layers = json::array();
  for (const auto& layer : image.layers) layers.push_back(encode_layer(layer));
  json object;
  object["references"] = std::move(references);
  object["manifest"] = {{"digest", image.manifest_digest.text()},
                        {"media_type", image.manifest_media_type},
                        {"bytes", codec::base64_encode(as_bytes(image.manifest))}};
  object["config"] = {{"digest", image.config_digest.text()}, {"bytes", codec::base64_encode(as_bytes(image.config))}};
  object["platform"] = {
      {"os", image.platform.os}, {"architecture", image.platform.architecture}, {"variant", image.platform.variant}};
  object["layers"] = std::move(layers);
  object["metadata_blob"] = image.metadata_blob;
  return object;
}

Result<void> require_role(const IndexHead& head, BlobNumber number, BlobRole role, std::string_view what) {
  if (number < head.blobs.size() && head.blobs[number].role == role) return {};
  return make_error(Code::kInvalidArgument, "{}: blob {} is no {} blob of this index", what, number, role_name(role));
}

Result<void> check_image(const IndexHead& head, const ImageDescription& image) {
  if (codec::sha256(as_bytes(image.manifest)) != image.manifest_digest.value) {
    return make_error(Code::kInvalidArgument, "the manifest does not have the digest {}", image.manifest_digest);
  }
  if (codec::sha256(as_bytes(image.config)) != image.config_digest.value) {
    return make_error(Code::kInvalidArgument, "the configuration does not have the digest {}", image.config_digest);
  }
  TRY(require_role(head, image.metadata_blob, BlobRole::kMetadata, "metadata_blob"));
  std::optional<ChainId> chain;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const ImageLayer& layer = image.layers[i];
    TRY(require_role(head, layer.tree_blob, BlobRole::kLayerTree, "tree_blob").with_context("layer {}", i));
    if (layer.data_blob) TRY(require_role(head, *layer.data_blob, BlobRole::kLayerData, "data_blob").with_context("layer {}", i));
    chain = next_chain_id(chain, layer.diff_id);
    if (layer.chain_id != *chain) return make_error(Code::kInvalidArgument, "layer {}: its chain id does not follow", i);
  }
  return {};
}

Result<void> check_model(const IndexHead& head, const ModelDescription& model) {
  TRY(require_role(head, model.metadata_blob, BlobRole::kMetadata, "metadata_blob"));
  TRY(require_role(head, model.tree_blob, BlobRole::kLayerTree, "tree_blob"));
  if (model.data_blob) TRY(require_role(head, *model.data_blob, BlobRole::kLayerData, "data_blob"));
  return {};
}

Result<void> check_blobs(const IndexHead& head) {
  std::uint64_t next_frame = 0;
  std::set<std::pair<BlobRole, BlobId>> seen;
  for (std::size_t i = 0; i < head.blobs.size(); ++i) {
    const BlobDescription& blob = head.blobs[i];
    if (blob.size == 0) return make_error(Code::kInvalidArgument, "blob {} is empty", i);
    if (blob.first_frame != next_frame)
      return make_error(Code::kInvalidArgument, "blob {}: its frames are not in their place", i);
    next_frame += blob.frames();
    if (!seen.emplace(blob.role, blob.id).second)
      return make_error(Code::kInvalidArgument, "blob {}: {} is there twice", i, blob.id);
    if (blob.packs.size() > blob.frames()) return make_error(Code::kInvalidArgument, "blob {}: more packs than frames", i);
  }
  if (next_frame != head.frames) {
    return make_error(Code::kInvalidArgument, "{} frames in the blobs, {} in the table", next_frame, head.frames);
  }
  return {};
}

}  // namespace

std::string encode_head(const IndexHead& head) {
  json blobs = json::array();
  for (const auto& blob : head.blobs) blobs.push_back(encode_blob(blob));
  json root;
  auto kind = name_of(head.description).kind;
  root["kind"] = kind_name(kind);
  root["frames"] = head.frames;
  if (const auto* image = std::get_if<ImageDescription>(&head.description)) root[kind_name(kind)] = encode_image(*image);
  if (const auto* model = std::get_if<ModelDescription>(&head.description)) root[kind_name(kind)] = encode_model(*model);
  root["blobs"] = std::move(blobs);
  return codec::json_text(root);
}

Result<IndexHead> parse_head(std::string_view text) {
  auto root = TRY(codec::parse_json(text, {.size_max = kIndexHeadMax, .depth_max = 8}));
  auto kind = TRY(codec::json_string(root, "kind"));
  bool is_image = kind == kind_name(ArtifactKind::kImage);
  if (!is_image && kind != kind_name(ArtifactKind::kModel)) return make_error(Code::kInvalidArgument, "kind: unknown");
  IndexHead head;
  head.frames = TRY(parse_number(root, "frames", kFramesMax));
  const json* about = TRY(codec::json_object(root, kind));
  if (is_image) {
    head.description = TRY(parse_image(*about).with_context("image"));
  } else {
    head.description = TRY(parse_model(*about).with_context("model"));
  }
  head.blobs = TRY(parse_array<BlobDescription>(root, "blobs", kBlobsMax, parse_blob));
  return head;
}

Result<void> check_head(const IndexHead& head) {
  TRY(check_blobs(head));
  if (const auto* image = std::get_if<ImageDescription>(&head.description)) return check_image(head, *image);
  return check_model(head, *std::get_if<ModelDescription>(&head.description));
}

}  // namespace zeropull::artifact
