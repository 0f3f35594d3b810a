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

Result<ImagePtr> parse_object(const EndpointKey& key, const store::ObjectName& name, ByteView object) {
  auto bytes = TRY(open_index(key, name, object));
  auto index = TRY(ArtifactIndex::from_bytes(std::move(bytes)));
  const auto& digest = index.image().manifest_digest;
  if (name != image_object(key, digest) && name != removed_object(key, digest)) {
    return make_error(Code::kDataLoss, "it holds the index of another image");
  }
  return std::make_shared<const ArtifactIndex>(std::move(index));
}

}  // namespace

ImagePtr StoreCatalog::find_manifest(const ManifestDigest& digest) const {
  auto found = std::ranges::find(images, digest, [](const auto& image) { return image->image().manifest_digest; });
  return found == images.end() ? nullptr : *found;
}

ImagePtr StoreCatalog::find_reference(std::string_view reference) const { return newest_of(images, reference); }

Result<ImagePtr> read_index_object(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                   const store::ObjectName& name) {
  auto object = TRY(store.read_whole(ctx, name, store::kObjectSizeMax));
  return parse_object(key, name, object).with_context("{}: {}", store.describe(), name);
}

Result<StoreCatalog> read_store_catalog(const Context& ctx, store::ObjectStore& store, const EndpointKey& key) {
  auto objects = TRY(list_all(ctx, store, images_folder()));
  if (objects.size() > kImagesMax) return make_error(Code::kOutOfRange, "{}: more than {} images", store.describe(), kImagesMax);
  std::vector<std::optional<Result<ImagePtr>>> read(objects.size());
  TRY(parallel_for(ctx, objects.size(), kFetchConnections, [&](const Context& read_ctx, std::size_t i) -> Result<void> {
    read[i].emplace(read_index_object(read_ctx, store, key, objects[i].name));
    return read_ctx.check();
  }));
  StoreCatalog catalog;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (read[i]->ok()) {
      catalog.images.push_back(std::move(*read[i]).take());
    } else if (!read[i]->failed_with(Code::kNotFound)) {  // removed meanwhile
      catalog.broken.push_back({objects[i].name, std::move(*read[i]).take_error()});
    }
  }
  return catalog;
}

Result<ImagePtr> read_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                  const ManifestDigest& digest) {
  return read_index_object(ctx, store, key, image_object(key, digest)).with_context("image {}", digest);
}

Result<void> put_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key, const IndexContents& contents,
                             Random& random) {
  for (const BlobContents& blob : contents.blobs) {
    bool placed = std::ranges::none_of(blob.frames, [](const auto& frame) { return frame.codec == FrameCodec::kUnplaced; });
    if (!placed) return make_error(Code::kFailedPrecondition, "blob {} is not in the store", blob.id);
  }
  auto index = TRY(encode_index(contents));
  auto name = image_object(key, contents.image().manifest_digest);
  return store.put(ctx, name, seal_index(key, name, index, random));
}

}  // namespace zeropull::artifact
