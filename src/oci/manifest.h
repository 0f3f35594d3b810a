// Manifests, indexes and configurations of images: OCI image-spec 1.1 and Docker's schema 2, parsed from untrusted bytes into
// typed values with every limit checked. Pure and thread-safe. Errors are kInvalidArgument and name the field.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "oci/platform.h"

namespace zeropull::oci {

// Media types that we ask a registry for and understand.
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

// What a layer's media type says of its compression. A hint: bytes decide in the end.
enum class CodecHint { kByMagic, kNone, kGzip, kZstd };
CodecHint codec_hint(std::string_view media_type);

struct Layer {
  LayerDigest digest;
  std::uint64_t size = 0;  // as served
  std::string media_type;
  CodecHint codec = CodecHint::kByMagic;
};

struct Manifest {
  ManifestDigest digest;  // of `raw`
  std::string raw;
  std::string media_type;
  ConfigDigest config;
  std::uint64_t config_size = 0;
  std::vector<Layer> layers;  // the lowest first
};

struct IndexEntry {
  ManifestDigest digest;
  std::uint64_t size = 0;
  std::string media_type;
  Platform platform;  // empty names where the entry has none
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::vector<IndexEntry> entries;
};

struct ImageConfig {
  ConfigDigest digest;  // of `raw`
  std::string raw;      // what containerd is given, byte for byte
  Platform platform;
  std::vector<DiffId> diff_ids;
};

// `media_type` is what the registry or the descriptor said; a mediaType inside must agree, and a document that could be read as
// both an index and a manifest is refused (CVE-2021-41190). With an unknown or empty media type the document decides.
Result<std::variant<Manifest, Index>> parse_manifest(std::string raw, std::string_view media_type);
Result<Index> parse_index(std::string_view raw);
Result<ImageConfig> parse_config(std::string raw);

// The entry for a platform, as containerd chooses: the best match, the first among equals. kNotFound lists what there is.
Result<IndexEntry> select_platform(const Index& index, const Platform& wanted);

// One diff id a layer, and each layer count within limits.
Result<void> check_layers(const Manifest& manifest, const ImageConfig& config);

// ChainID(L0|...|Ln) for each n: image-spec, "Layer ChainID".
std::vector<ChainId> chain_ids(std::span<const DiffId> diff_ids);

}  // namespace zeropull::oci
