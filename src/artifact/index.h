// Artifact index: the one file that describes an artifact. It holds what the artifact is (an image's manifest, configuration,
// platform and layers; a model's identity) and for each blob its id, size and frames: their hashes and where they rest in the
// store. docs/formats/artifact.md describes the bytes.
//
// IndexContents is the index as a value, for whoever makes one; encode_index() writes it. ArtifactIndex reads one: the head is
// parsed, the frame table stays where it is (mapped from the file) and is decoded frame by frame. Both check everything: an
// ArtifactIndex that exists holds only references in range, digests that match the bytes beside them, chain ids that follow from
// the diff ids, and blob ids that match the frame hashes. Whether the index is the endpoint's own is the seal's business
// (artifact/seal.h).
//
// Opening costs one pass over the table (64 bytes a MiB of blob). Immutable after opening, so any thread may read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "artifact/artifact_name.h"
#include "artifact/blob.h"
#include "artifact/frame_table.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "base/result.h"
#include "os/file.h"

namespace zeropull::artifact {

inline constexpr std::uint32_t kIndexVersion = 1;

using BlobNumber = std::uint32_t;  // a blob's place in the index
using ResolvedTime = std::chrono::sys_time<std::chrono::milliseconds>;

// "docker.io/library/python:3.12" named this manifest at that time.
struct ResolvedReference {
  std::string reference;
  ResolvedTime time;
  bool operator==(const ResolvedReference&) const = default;
};

struct ImagePlatform {
  std::string os;
  std::string architecture;
  std::string variant;  // empty when the image has none
  bool operator==(const ImagePlatform&) const = default;
};

struct ImageLayer {
  LayerDigest digest;
  std::string media_type;
  std::uint64_t compressed_size = 0;
  DiffId diff_id;
  ChainId chain_id;                 // of this layer on those before it
  std::uint64_t expanded_size = 0;  // of the tar
  BlobNumber tree_blob = 0;
  std::optional<BlobNumber> data_blob;  // none when no file of the layer has contents
  bool operator==(const ImageLayer&) const = default;
};

struct ImageDescription {
  std::vector<ResolvedReference> references;
  ManifestDigest manifest_digest;
  std::string manifest_media_type;
  std::string manifest;  // raw bytes
  ConfigDigest config_digest;
  std::string config;  // raw bytes
  ImagePlatform platform;
  std::vector<ImageLayer> layers;  // lowest first
  BlobNumber metadata_blob = 0;
  bool operator==(const ImageDescription&) const = default;
};

enum class ModelForm : std::uint8_t {
  kTree,  // its files were as they are at the origin
  kTar,   // one archive, unpacked
};

// A model has one layer.
struct ModelDescription {
  ModelIdentity identity;
  ModelForm form = ModelForm::kTree;
  std::uint64_t origin_size = 0;  // bytes that were read from the origin
  BlobNumber tree_blob = 0;
  std::optional<BlobNumber> data_blob;  // none when every file is empty
  BlobNumber metadata_blob = 0;
  bool operator==(const ModelDescription&) const = default;
};

using Description = std::variant<ImageDescription, ModelDescription>;
ArtifactName name_of(const Description& description);
// The description must be of that kind.
template <typename T>
auto& of_kind(auto& description) {
  auto* found = std::get_if<T>(&description);
  CHECK(found != nullptr);
  return *found;
}

// A blob without its frames. A pack is named by the SHA-256 of its bytes; its object's name follows from the endpoint's key.
struct BlobDescription {
  BlobRole role = BlobRole::kLayerData;
  BlobId id;
  std::uint64_t size = 0;
  std::uint64_t frame_size = kFrameSize;
  std::uint64_t first_frame = 0;  // its place in the frame table
  std::vector<Sha256> packs;      // empty while the blob is in no store
  std::uint64_t frames() const { return frame_count(size, frame_size); }
  bool operator==(const BlobDescription&) const = default;
};

struct BlobContents {
  BlobRole role = BlobRole::kLayerData;
  BlobId id;
  std::uint64_t size = 0;
  std::vector<FrameEntry> frames;  // of kFrameSize
  std::vector<Sha256> packs;
  // A blob that is in no store yet, from its frames' hashes; the id is computed.
  static BlobContents local(BlobRole role, std::uint64_t size, std::span<const Sha256> hashes);
  bool operator==(const BlobContents&) const = default;
};

struct IndexContents {
  Description description;
  std::vector<BlobContents> blobs;
  // The artifact must be of that kind.
  ImageDescription& image() { return of_kind<ImageDescription>(description); }
  const ImageDescription& image() const { return of_kind<ImageDescription>(description); }
  const ModelDescription& model() const { return of_kind<ModelDescription>(description); }
  ArtifactName name() const { return name_of(description); }
  bool operator==(const IndexContents&) const = default;
};

// kInvalidArgument when the contents do not hold together.
Result<Bytes> encode_index(const IndexContents& contents);

class ArtifactIndex {
 public:
  // kDataLoss for bytes that are no valid index, kUnimplemented for a version that this program does not know.
  static Result<ArtifactIndex> open(const std::string& path);
  static Result<ArtifactIndex> from_file(os::MappedFile file);
  static Result<ArtifactIndex> from_bytes(Bytes bytes);

  ArtifactName name() const { return name_of(description_); }
  // The artifact must be of that kind.
  const ImageDescription& image() const { return of_kind<ImageDescription>(description_); }
  const ModelDescription& model() const { return of_kind<ModelDescription>(description_); }
  const std::vector<BlobDescription>& blobs() const { return blobs_; }
  BlobNumber metadata_number() const;
  const BlobDescription& metadata_blob() const { return blobs_[metadata_number()]; }
  // The distinct data blobs in the order of the metadata image's device numbers.
  std::vector<BlobNumber> devices() const;
  // Frame `number` of a blob of this index.
  FrameEntry frame(const BlobDescription& blob, std::uint64_t number) const;
  std::optional<BlobNumber> find_blob(const BlobId& id) const;
  std::uint64_t frames() const { return frames_; }  // of all blobs
  std::uint64_t total_size() const;                 // of all blobs, in bytes
  ByteView bytes() const;                           // the file
  IndexContents contents() const;                   // everything as a value, to make a changed index from
  BlobContents blob_contents(BlobNumber number) const;

 private:
  using Storage = std::variant<Bytes, os::MappedFile>;
  explicit ArtifactIndex(Storage storage) : storage_(std::move(storage)) {}
  static Result<ArtifactIndex> parse(Storage storage);
  Storage storage_;
  std::uint64_t table_offset_ = 0;
  std::uint64_t frames_ = 0;
  Description description_;
  std::vector<BlobDescription> blobs_;
};

// The data blobs of an image's first `layers` layers as devices: distinct, in the order of the metadata image's device numbers.
std::vector<BlobNumber> prefix_devices(const ImageDescription& image, std::size_t layers);

// The chain id of a layer on a chain (image-spec, "Layer ChainID"); `parent` is absent for the lowest layer.
ChainId next_chain_id(const std::optional<ChainId>& parent, const DiffId& layer);

}  // namespace zeropull::artifact
