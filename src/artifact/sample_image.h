// For this room's tests: a small image with blobs of every kind (random, text-like, all zero, short last frames), made from a
// seed, and what it takes to put it into a cache folder. The manifest and configuration are any bytes with their right digests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/index.h"

namespace zeropull::artifact {

// Random bytes from a seed; every run repeats.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableByteView out) override;

 private:
  std::uint64_t state_;
};

struct SampleImage {
  std::vector<Bytes> blobs;  // as in contents.blobs
  IndexContents contents;
};

// Two layers: the first with random data and compressible data after it, the second with a frame of zeros in the middle. `seed`
// makes the manifest and the upper layer; `base_seed` the lower layer, so that images can share it.
SampleImage make_sample(std::uint64_t seed, std::uint64_t base_seed = 1);

EndpointKey sample_key(std::uint64_t seed = 7);

std::unique_ptr<CacheFolder> open_cache(const std::string& path, Access access = Access::kWrite,
                                        const EndpointKey& key = sample_key());
// Writes the blobs and publishes.
void publish_sample(CacheFolder& folder, const SampleImage& sample);

// Flips one bit of a file, also of a read-only one.
void flip_bit(const std::string& path, std::uint64_t offset);

}  // namespace zeropull::artifact
