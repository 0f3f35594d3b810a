#include "artifact/sample_image.h"

#include <fcntl.h>

#include "artifact/cache_writer.h"
#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

// About 4:1 under zstd.
Bytes text_like(Random& random, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; i += 64) {
    std::string line = fmt::format("{:016x} /usr/lib/python3/dist-packages/module/line\n", random.next());
    std::memcpy(bytes.data() + i, line.data(), std::min({line.size(), size - i, std::size_t{64}}));
  }
  return bytes;
}

BlobContents describe(BlobRole role, ByteView bytes) {
  std::vector<Sha256> hashes;
  for (std::size_t at = 0; at < bytes.size(); at += kFrameSize) {
    hashes.push_back(codec::sha256(bytes.subspan(at, std::min<std::size_t>(kFrameSize, bytes.size() - at))));
  }
  return BlobContents::local(role, bytes.size(), hashes);
}

ImageLayer make_layer(Random& random, const std::optional<ChainId>& parent, BlobNumber tree, BlobNumber data) {
  ImageLayer layer;
  layer.media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
  random.fill(layer.digest.value.bytes);
  random.fill(layer.diff_id.value.bytes);
  layer.chain_id = next_chain_id(parent, layer.diff_id);
  layer.compressed_size = 1000;
  layer.expanded_size = 3000;
  layer.tree_blob = tree;
  layer.data_blob = data;
  return layer;
}

}  // namespace

void SeededRandom::fill(MutableByteView out) {
  for (std::size_t i = 0; i < out.size(); i += sizeof state_) {  // splitmix64
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    std::memcpy(out.data() + i, &z, std::min(sizeof z, out.size() - i));
  }
}

SampleImage make_sample(std::uint64_t seed, std::uint64_t base_seed) {
  SeededRandom lower(base_seed * 1000);
  SeededRandom upper(seed * 1000 + 1);
  SampleImage sample;
  Bytes lower_data = random_bytes(lower, 2 * kFrameSize);
  Bytes compressible = text_like(lower, kFrameSize + 4096);
  lower_data.insert(lower_data.end(), compressible.begin(), compressible.end());
  Bytes upper_data = text_like(upper, 3 * kFrameSize);
  std::fill_n(upper_data.begin() + static_cast<std::ptrdiff_t>(kFrameSize), kFrameSize, std::byte{0});
  sample.blobs = {text_like(upper, 3 * 4096), text_like(lower, 5000), std::move(lower_data), random_bytes(upper, 77),
                  std::move(upper_data)};
  constexpr std::array kRoles = {BlobRole::kMetadata, BlobRole::kLayerTree, BlobRole::kLayerData, BlobRole::kLayerTree,
                                 BlobRole::kLayerData};
  for (std::size_t i = 0; i < sample.blobs.size(); ++i) sample.contents.blobs.push_back(describe(kRoles[i], sample.blobs[i]));
  ImageDescription& image = sample.contents.image();
  image.references = {{fmt::format("registry.example/sample:{}", seed), ResolvedTime(std::chrono::milliseconds(1000 + seed))}};
  image.manifest = fmt::format("{{\"manifest\": {}}}", seed);
  image.manifest_digest = ManifestDigest{codec::sha256(as_bytes(image.manifest))};
  image.manifest_media_type = "application/vnd.oci.image.manifest.v1+json";
  image.config = fmt::format("{{\"config\": {}}}", seed);
  image.config_digest = ConfigDigest{codec::sha256(as_bytes(image.config))};
  image.platform = {"linux", "amd64", ""};
  image.layers.push_back(make_layer(lower, std::nullopt, 1, 2));
  image.layers.push_back(make_layer(upper, image.layers[0].chain_id, 3, 4));
  image.metadata_blob = 0;
  return sample;
}

EndpointKey sample_key(std::uint64_t seed) {
  SeededRandom random(seed);
  return EndpointKey::generate(random);
}

std::unique_ptr<CacheFolder> open_cache(const std::string& path, Access access, const EndpointKey& key) {
  return MUST(CacheFolder::open(path, {.access = access, .key = key}));
}

void publish_sample(CacheFolder& folder, const SampleImage& sample) {
  auto writer = MUST(folder.begin());
  for (std::size_t i = 0; i < sample.blobs.size(); ++i) {
    const BlobContents& blob = sample.contents.blobs[i];
    auto pending = MUST(writer.create_blob());
    MUST(os::write_all_at(pending.fd(), sample.blobs[i], 0));
    MUST(writer.adopt(std::move(pending), blob.id, blob.size));
  }
  MUST(writer.publish(sample.contents));
}

void flip_bit(const std::string& path, std::uint64_t offset) {
  auto fd = MUST(os::open_file(path, O_RDWR));
  std::array<std::byte, 1> byte;
  MUST(os::read_exactly_at(fd.get(), byte, offset));
  byte[0] ^= std::byte{1};
  MUST(os::write_all_at(fd.get(), byte, offset));
}

}  // namespace zeropull::artifact
