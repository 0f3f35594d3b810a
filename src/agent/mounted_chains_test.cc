// Mounts of chains from converted images; with real mounts, as root. The program is its own layer worker, as zeropull is.
#include "agent/mounted_chains.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "artifact/converter.h"
#include "artifact/sample_image.h"
#include "artifact/sample_layer.h"
#include "oci/fake_registry.h"
#include "os/mount.h"

namespace zeropull::agent {
namespace {

class MountedChainsTest : public testing::Test {
 protected:
  MountedChainsTest() {
    settings_.verify_volumes_after_s = 0;
    MUST(os::create_file(scratch_.path() + "/config.json", as_bytes("{}")));
    registry_.add_image(
        {artifact::one_file_layer("low", "from the lower layer"), artifact::one_file_layer("high", "from the upper layer")});
    convert_into(scratch_.path() + "/volume");
    settings_.volumes = {scratch_.path() + "/volume"};
    start();
    auto layers = cache_->images().at(0).artifact->image().layers;
    prefix_ = layers[0].chain_id;
    whole_ = layers[1].chain_id;
  }
  ~MountedChainsTest() override { MUST(chains_->release_all_but(ctx_, {})); }

  void convert_into(const std::string& path) {
    oci::RegistryOptions options{.plain = http::Plain::kAllowed};
    options.auth_file = scratch_.path() + "/config.json";
    auto source = MUST(oci::RegistrySource::create(registry_.reference("latest"), std::move(options)));
    MUST(artifact::convert_image(ctx_, *source, *artifact::open_cache(path),
                                 {.reference = "registry.example.com/a:1", .platform = {"linux", "amd64"}}));
  }
  void start() {
    chains_.reset();
    catalog_.reset();
    cache_ = MUST(EndpointCache::create(ctx_, settings_));
    catalog_ = std::make_unique<ImageCatalog>(*cache_);
    chains_ = MUST(MountedChains::create(settings_.root, *catalog_, artifact::FileDirectIo::kRefused));
  }
  std::string read(const std::string& path) { return MUST(os::read_text(path, kMiB)); }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(60));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-chains-"));
  oci::FakeRegistry registry_;
  EndpointSettings settings_{.root = scratch_.path() + "/root", .key = artifact::sample_key(), .volumes = {}, .stores = {}};
  std::unique_ptr<EndpointCache> cache_;
  std::unique_ptr<ImageCatalog> catalog_;
  std::unique_ptr<MountedChains> chains_;
  ChainId prefix_;
  ChainId whole_;
};

TEST_F(MountedChainsTest, a_whole_image_and_a_prefix_are_mounted) {
  auto whole = MUST(chains_->mount_prefix(ctx_, whole_));
  EXPECT_EQ(read(whole + "/low"), "from the lower layer");
  EXPECT_EQ(read(whole + "/high"), "from the upper layer");
  auto prefix = MUST(chains_->mount_prefix(ctx_, prefix_));
  EXPECT_EQ(read(prefix + "/low"), "from the lower layer");
  EXPECT_FALSE(os::exists(prefix + "/high"));
  EXPECT_EQ(MUST(chains_->mount_prefix(ctx_, whole_)), whole);
  EXPECT_TRUE(chains_->mount_prefix(ctx_, ChainId{}).failed_with(Code::kNotFound));
}

TEST_F(MountedChainsTest, mounts_outlive_the_agent_and_go_when_nothing_uses_them) {
  auto whole = MUST(chains_->mount_prefix(ctx_, whole_));
  auto prefix = MUST(chains_->mount_prefix(ctx_, prefix_));
  start();
  EXPECT_EQ(MUST(chains_->mount_prefix(ctx_, whole_)), whole);
  MUST(chains_->release_all_but(ctx_, std::vector{whole_}));
  EXPECT_TRUE(os::exists(whole + "/low"));
  EXPECT_FALSE(os::exists(prefix));
  MUST(chains_->release(ctx_, whole_));
  EXPECT_FALSE(os::exists(whole));
}

TEST_F(MountedChainsTest, a_mount_on_a_withdrawn_volume_is_given_to_nothing_new) {
  auto path = MUST(chains_->mount_prefix(ctx_, whole_));
  auto volume = artifact::open_cache(settings_.volumes[0], artifact::Access::kRead);
  auto image = volume->images().at(0);
  artifact::flip_bit(volume->blob_path(image->blobs()[*image->image().layers[1].data_blob].id), 5);
  cache_->start_volume_check();
  while (ctx_.check().ok() && cache_->withdrawn_volumes().empty()) {
  }
  ASSERT_EQ(cache_->withdrawn_volumes().size(), 1U);
  EXPECT_TRUE(chains_->mount_prefix(ctx_, whole_).failed_with(Code::kNotFound));
  EXPECT_FALSE(os::exists(path));

  convert_into(settings_.root + "/cache");  // it comes by another way, with right bytes
  MUST(cache_->folder().refresh());
  auto again = MUST(chains_->mount_prefix(ctx_, whole_));
  EXPECT_EQ(read(again + "/high"), "from the upper layer");
}

}  // namespace
}  // namespace zeropull::agent

int main(int argc, char** argv) {
  if (auto code = zeropull::artifact::run_as_layer_worker(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
