#include "artifact/store_catalog.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "artifact/cipher.h"
#include "artifact/object_names.h"
#include "artifact/references.h"
#include "base/executor.h"

namespace zeropull::artifact {

namespace {

constexpr std::string_view kMagic = "ZPSEALED";
constexpr std::uint32_t kObjectVersion = 1;
constexpr std::string_view kIndexLabel = "zeropull-index-v1\n";
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kNonceAt = 12;
constexpr std::size_t kPrefixSize = kNonceAt + kNonceSize;

std::string associated_data(const store::ObjectName& name) {
  return std::string(kIndexLabel) + name.text().substr(name.text().rfind('/') + 1);
}

Bytes seal_index(const EndpointKey& key, const store::ObjectName& name, ByteView index, Random& random) {
  Bytes object(kPrefixSize + index.size() + kTagSize);
  std::memcpy(object.data(), kMagic.data(), kMagic.size());
  store_le<std::uint32_t>(object.data() + kVersionAt, kObjectVersion);
  Nonce nonce = random_nonce(random);
  std::ranges::copy(nonce, object.begin() + kNonceAt);
  Cipher(key.data_key()).encrypt(nonce, as_bytes(associated_data(name)), index, MutableByteView(object).subspan(kPrefixSize));
  return object;
}

Result<Bytes> open_index(const EndpointKey& key, const store::ObjectName& name, ByteView object) {
  if (object.size() < kPrefixSize + kTagSize || as_text(object.first(kMagic.size())) != kMagic) {
    return make_error(Code::kDataLoss, "not an encrypted index");
  }
  auto version = load_le<std::uint32_t>(object.data() + kVersionAt);
  if (version != kObjectVersion) {
    return make_error(Code::kUnimplemented, "encrypted index of version {}; this program knows version {}: upgrade it", version,
                      kObjectVersion);
  }
  Nonce nonce;
  std::ranges::copy(object.subspan(kNonceAt, kNonceSize), nonce.begin());
  Bytes index(object.size() - kPrefixSize - kTagSize);
  TRY(Cipher(key.data_key()).decrypt(nonce, as_bytes(associated_data(name)), object.subspan(kPrefixSize), index));
  return index;
}

Result<ArtifactPtr> parse_object(const EndpointKey& key, const store::ObjectName& name, ByteView object) {
  auto bytes = TRY(open_index(key, name, object));
  auto index = TRY(ArtifactIndex::from_bytes(std::move(bytes)));
  auto artifact = index.name();
  if (name != index_object(key, artifact) && name != removed_object(key, artifact)) {
    return make_error(Code::kDataLoss, "it holds the index of another artifact");
  }
  return std::make_shared<const ArtifactIndex>(std::move(index));
}

}  // namespace

ImagePtr StoreCatalog::find_manifest(const ManifestDigest& digest) const {
  auto found = std::ranges::find(images, digest, [](const auto& image) { return image->image().manifest_digest; });
  return found == images.end() ? nullptr : *found;
}

ImagePtr StoreCatalog::find_reference(std::string_view reference) const { return newest_of(images, reference); }

Result<ArtifactPtr> read_index_object(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                      const store::ObjectName& name) {
  auto object = TRY(store.read_whole(ctx, name, store::kObjectSizeMax));
  return parse_object(key, name, object).with_context("{}: {}", store.describe(), name);
}

std::vector<ArtifactPtr> StoreCatalog::artifacts() const {
  auto all = images;
  all.insert(all.end(), models.begin(), models.end());
  return all;
}

Result<StoreCatalog> read_store_catalog(const Context& ctx, store::ObjectStore& store, const EndpointKey& key) {
  StoreCatalog catalog;
  for (ArtifactKind kind : {ArtifactKind::kImage, ArtifactKind::kModel}) {
    auto objects = TRY(list_all(ctx, store, kind_folder(kind)));
    if (objects.size() > kArtifactsMax) {
      return make_error(Code::kOutOfRange, "{}: more than {} {}s", store.describe(), kArtifactsMax, kind_name(kind));
    }
    std::vector<std::optional<Result<ArtifactPtr>>> read(objects.size());
    TRY(parallel_for(ctx, objects.size(), kFetchConnections, [&](const Context& read_ctx, std::size_t i) -> Result<void> {
      read[i].emplace(read_index_object(read_ctx, store, key, objects[i].name));
      return read_ctx.check();
    }));
    auto& found = kind == ArtifactKind::kImage ? catalog.images : catalog.models;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (read[i]->ok()) {
        found.push_back(std::move(*read[i]).take());
      } else if (!read[i]->failed_with(Code::kNotFound)) {  // removed meanwhile
        catalog.broken.push_back({objects[i].name, std::move(*read[i]).take_error()});
      }
    }
  }
  return catalog;
}

Result<ArtifactPtr> read_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                        const ArtifactName& name) {
  return read_index_object(ctx, store, key, index_object(key, name)).with_context("{}", name);
}

Result<void> put_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                const IndexContents& contents, Random& random) {
  for (const BlobContents& blob : contents.blobs) {
    bool placed = std::ranges::none_of(blob.frames, [](const auto& frame) { return frame.codec == FrameCodec::kUnplaced; });
    if (!placed) return make_error(Code::kFailedPrecondition, "blob {} is not in the store", blob.id);
  }
  auto index = TRY(encode_index(contents));
  auto name = index_object(key, contents.name());
  return store.put(ctx, name, seal_index(key, name, index, random));
}

}  // namespace zeropull::artifact
