// Models on an instance, from an origin in memory; with real mounts, as root.
#include "agent/model_catalog.h"

#include <gtest/gtest.h>

#include "artifact/fake_model_origin.h"
#include "artifact/sample_image.h"
#include "os/mount.h"

namespace zeropull::agent {
namespace {

// The fake outlives what is opened.
class Forwarder final : public origin::ModelOrigin {
 public:
  explicit Forwarder(origin::ModelOrigin& origin) : origin_(origin) {}
  Result<origin::ModelListing> list(const Context& ctx) override { return origin_.list(ctx); }
  Result<void> read(const Context& ctx, const origin::ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const origin::ByteSink& sink) override {
    return origin_.read(ctx, file, offset, length, sink);
  }

 private:
  origin::ModelOrigin& origin_;
};

class ModelCatalogTest : public testing::Test {
 protected:
  ModelCatalogTest() {
    origin_.add("config.json", "{}");
    origin_.add("weights", std::string(3 * kMiB + 5, 'w'));
    start();
  }
  ~ModelCatalogTest() override {
    if (catalog_) MUST(catalog_->release_all_but({}));
  }
  void start() {
    catalog_.reset();
    cache_ = MUST(EndpointCache::create(ctx_, settings_));
    catalog_ = MUST(ModelCatalog::create(settings_.root, *cache_, artifact::FileDirectIo::kRefused,
                                         [this](const auto&, const auto&) -> Result<std::unique_ptr<origin::ModelOrigin>> {
                                           return std::unique_ptr<origin::ModelOrigin>(new Forwarder(origin_));
                                         }));
  }
  Result<FoundModel> ensure(const std::string& identity = {}) {
    return catalog_->ensure(ctx_, {.identity = identity, .location = {}, .access = {}}, {});
  }
  std::string read(const MountedModel& model, const std::string& name) {
    return MUST(os::read_text(model.path + "/" + name, kGiB));
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(60));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-models-"));
  EndpointSettings settings_{.root = scratch_.path() + "/root", .key = artifact::sample_key(), .volumes = {}, .stores = {}};
  artifact::FakeModelOrigin origin_;
  std::unique_ptr<EndpointCache> cache_;
  std::unique_ptr<ModelCatalog> catalog_;
};

TEST_F(ModelCatalogTest, the_first_use_downloads_and_the_second_does_not) {
  auto first = MUST(ensure());
  EXPECT_EQ(first.source, SourceKind::kOrigin);
  EXPECT_EQ(first.wire_bytes, 3 * kMiB + 5 + 2);
  EXPECT_EQ(first.total_bytes, first.wire_bytes);
  auto second = MUST(ensure(first.identity.hex()));
  EXPECT_EQ(second.source, SourceKind::kCache);
  EXPECT_EQ(second.wire_bytes, 0U);
}

TEST_F(ModelCatalogTest, is_mounted_while_held_and_freed_after_the_last_use) {
  auto found = MUST(ensure());
  auto one = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  auto two = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  found.hold.reset();
  EXPECT_EQ(read(two, "weights"), origin_.files().at("weights"));
  EXPECT_TRUE(catalog_->remove(found.identity).failed_with(Code::kFailedPrecondition));
  one.hold.reset();
  EXPECT_EQ(read(two, "config.json"), "{}");
  two.hold.reset();
  EXPECT_FALSE(os::exists(two.path));
  EXPECT_TRUE(cache_->cached().empty());
  EXPECT_TRUE(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed).failed_with(Code::kNotFound));
}

TEST_F(ModelCatalogTest, a_model_to_keep_stays_until_it_is_not) {
  auto found = MUST(ensure());
  auto mounted = MUST(catalog_->mount(ctx_, found.identity, Retention::kKeep));
  found.hold.reset();
  mounted.hold.reset();
  EXPECT_FALSE(MUST(os::is_mount_point(settings_.root + "/models")));
  EXPECT_EQ(cache_->cached().size(), 1U);
  catalog_->keep_only({found.identity});
  EXPECT_EQ(cache_->cached().size(), 1U);
  catalog_->keep_only({});
  EXPECT_TRUE(cache_->cached().empty());
}

TEST_F(ModelCatalogTest, a_mount_outlives_the_agent) {
  auto found = MUST(ensure());
  auto mounted = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  auto path = mounted.path;
  catalog_->stop();
  mounted.hold.reset();
  found.hold.reset();
  EXPECT_EQ(read(mounted, "config.json"), "{}");
  start();
  catalog_->keep_only({});  // it is mounted: nothing of it goes
  EXPECT_EQ(read(mounted, "weights"), origin_.files().at("weights"));
  auto again = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  EXPECT_EQ(again.path, path);
  MUST(catalog_->release_all_but({}));  // held
  EXPECT_EQ(read(again, "config.json"), "{}");
  again.hold.reset();
  EXPECT_FALSE(os::exists(path));
}

TEST_F(ModelCatalogTest, a_volumes_model_is_mounted_from_there_and_anew_once_the_volume_is_withdrawn) {
  auto found = MUST(ensure());
  MUST(os::rename_path(settings_.root + "/cache", scratch_.path() + "/volume"));
  settings_.volumes = {scratch_.path() + "/volume"};
  found.hold.reset();
  start();
  auto from_volume = MUST(ensure(found.identity.hex()));
  EXPECT_EQ(from_volume.source, SourceKind::kVolume);
  auto mounted = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  EXPECT_EQ(read(mounted, "config.json"), "{}");
  cache_->set_volumes(ctx_, {});
  EXPECT_TRUE(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed).failed_with(Code::kNotFound));
  EXPECT_EQ(MUST(ensure(found.identity.hex())).source, SourceKind::kOrigin);
  auto anew = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  EXPECT_EQ(read(anew, "weights"), origin_.files().at("weights"));
}

TEST_F(ModelCatalogTest, a_model_that_changed_at_its_origin_is_refused) {
  auto listed = MUST(origin_.list(ctx_)).identity;
  origin_.add("config.json", "{\"changed\": true}");
  EXPECT_TRUE(ensure(listed).failed_with(Code::kFailedPrecondition));
}

TEST_F(ModelCatalogTest, a_mounted_model_is_not_evicted_for_another) {
  auto found = MUST(ensure());
  auto mounted = MUST(catalog_->mount(ctx_, found.identity, Retention::kWhileUsed));
  found.hold.reset();
  cache_->budget().set_budget(5 * kMiB);
  origin_.add("weights", std::string(3 * kMiB + 6, 'x'));
  EXPECT_TRUE(ensure().failed_with(Code::kResourceExhausted));
  EXPECT_EQ(read(mounted, "config.json"), "{}");
  mounted.hold.reset();
  MUST(ensure());
}

}  // namespace
}  // namespace zeropull::agent
