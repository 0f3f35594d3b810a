#include "agent/image_catalog.h"

#include <gtest/gtest.h>

#include "artifact/sample_image.h"
#include "os/file.h"

namespace zeropull::agent {
namespace {

using artifact::make_sample;
using artifact::SampleImage;

constexpr const char* kName = "registry.example.com/team/a:1";

artifact::ResolvedTime at(int seconds) { return artifact::ResolvedTime(std::chrono::seconds(seconds)); }

SampleImage named(std::uint64_t seed, int seconds) {
  auto sample = make_sample(seed);
  sample.contents.image().references = {{kName, at(seconds)}};
  return sample;
}

class ImageCatalogTest : public testing::Test {
 protected:
  ImageCatalogTest() {
    Bytes key(artifact::SecretKey::kSize);
    artifact::SeededRandom(7).fill(key);
    MUST(os::create_file(scratch_.path() + "/key", key));
    config_.root = scratch_.path() + "/root";
    config_.key_file = scratch_.path() + "/key";
  }
  void add_to_cache(const SampleImage& sample) { publish_sample(*artifact::open_cache(config_.root + "/cache"), sample); }
  void add_volume(const SampleImage& sample) {
    config_.volumes.push_back(fmt::format("{}/volume{}", scratch_.path(), config_.volumes.size()));
    publish_sample(*artifact::open_cache(config_.volumes.back()), sample);
  }
  std::unique_ptr<ImageCatalog> open() {
    cache_ = MUST(EndpointCache::create(ctx_, MUST(EndpointSettings::from(config_))));
    return std::make_unique<ImageCatalog>(*cache_);
  }
  std::optional<FoundImage> find(const ImageCatalog& catalog) {
    return catalog.find_reference(MUST(oci::parse_image_name(kName)));
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-catalog-"));
  AgentConfig config_;
  std::unique_ptr<EndpointCache> cache_;  // outlives the catalogue of a test
};

TEST_F(ImageCatalogTest, of_the_same_name_the_one_resolved_last_is_meant) {
  auto older = named(1, 100);
  auto newer = named(2, 200);
  add_to_cache(older);
  add_volume(newer);
  auto catalog = open();
  auto found = find(*catalog);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->source, SourceKind::kVolume);
  EXPECT_EQ(found->artifact->image().manifest_digest, newer.contents.image().manifest_digest);
}

TEST_F(ImageCatalogTest, of_equals_the_cache_comes_first_and_then_the_volumes_in_order) {
  auto sample = named(1, 100);
  add_volume(sample);
  add_volume(sample);
  {
    auto catalog = open();
    auto found = find(*catalog);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->folder->path(), config_.volumes[0]);
  }
  add_to_cache(sample);
  auto catalog = open();
  EXPECT_EQ(find(*catalog)->source, SourceKind::kCache);
}

TEST_F(ImageCatalogTest, a_chain_is_taken_from_the_image_that_ends_there) {
  auto sample = named(1, 100);
  add_volume(sample);
  auto catalog = open();
  const auto& layers = sample.contents.image().layers;
  auto whole = catalog->find_chain(layers.back().chain_id);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->whole());
  auto prefix = catalog->find_chain(layers.front().chain_id);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->layers, 1U);
  EXPECT_FALSE(prefix->whole());
  EXPECT_FALSE(catalog->find_chain(ChainId{}));
}

TEST_F(ImageCatalogTest, a_volume_that_cannot_be_attached_is_left_out) {
  config_.volumes = {scratch_.path() + "/absent"};
  add_volume(named(1, 100));
  EXPECT_TRUE(find(*open()));
}

TEST_F(ImageCatalogTest, ensures_what_is_here_without_asking_anybody) {
  add_volume(named(1, 100));
  auto catalog = open();
  auto found = MUST(catalog->ensure(ctx_, {.reference = kName}, {}));
  EXPECT_EQ(found.source, SourceKind::kVolume);
}

TEST_F(ImageCatalogTest, removes_what_the_cache_alone_holds_unless_it_is_in_use) {
  auto sample = named(1, 100);
  add_to_cache(sample);
  auto catalog = open();
  auto reference = MUST(oci::parse_image_name(kName));
  auto chain = sample.contents.image().layers.back().chain_id;
  EXPECT_TRUE(catalog->remove(reference, {chain}).failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(find(*catalog));
  MUST(catalog->remove(reference, {}));
  EXPECT_FALSE(find(*catalog));
  EXPECT_TRUE(MUST(os::list_folder(config_.root + "/cache/blobs")).empty());
  EXPECT_TRUE(catalog->remove(reference, {}).failed_with(Code::kNotFound));
}

TEST_F(ImageCatalogTest, a_volumes_image_is_not_removed) {
  add_volume(named(1, 100));
  EXPECT_TRUE(open()->remove(MUST(oci::parse_image_name(kName)), {}).failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::agent
