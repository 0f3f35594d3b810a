#include "agent/endpoint_cache.h"

#include <gtest/gtest.h>

#include "artifact/publisher.h"
#include "artifact/sample_image.h"
#include "artifact/store_catalog.h"
#include "store/folder_store.h"

namespace zeropull::agent {
namespace {

using artifact::make_sample;
using artifact::SampleImage;

class EndpointCacheTest : public testing::Test {
 protected:
  EndpointCacheTest() { settings_.budget_bytes = 0; }
  std::unique_ptr<EndpointCache> open() { return MUST(EndpointCache::create(ctx_, settings_)); }
  void add_volume(const std::string& name, const SampleImage& sample) {
    publish_sample(*artifact::open_cache(scratch_.path() + "/" + name), sample);
  }
  void publish(const SampleImage& sample) {
    auto folder = artifact::open_cache(scratch_.path() + "/publisher");
    publish_sample(*folder, sample);
    auto store = MUST(store::FolderStore::open(scratch_.path() + "/store"));
    auto publisher = MUST(artifact::Publisher::create(ctx_, *store, settings_.key));
    MUST(publisher->publish_artifact(ctx_, *folder, sample.contents));
  }
  void use_store() {
    StoreConfig store;
    store.folder = scratch_.path() + "/store";
    settings_.stores.push_back(store);
  }
  // Brings the sample; its origin, which only some tests have, gives it with 77 bytes over the wire.
  Result<FoundArtifact> bring(EndpointCache& cache, const SampleImage& sample, bool has_origin = false) {
    artifact::ArtifactName name = sample.contents.name();
    WantedArtifact wanted;
    wanted.title = name.text();
    wanted.name = name;
    wanted.caching = settings_.image_cache;
    wanted.origin = SourceKind::kRegistry;
    wanted.find = [&] { return cache.find(name, wanted.caching); };
    wanted.find_in_store = [&](const Context& ctx, store::ObjectStore& store) {
      return artifact::read_store_artifact(ctx, store, cache.key(), name);
    };
    wanted.convert = [&](const Context&, WireMeter& wire) -> Result<artifact::ArtifactPtr> {
      if (!has_origin) return make_error(Code::kUnavailable, "no origin");
      publish_sample(cache.folder(), sample);
      wire.add(77);
      return cache.folder().find(name);
    };
    wanted.on_arriving = on_arriving_;
    return cache.bring(ctx_, wanted, {});
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-endpoint-"));
  EndpointSettings settings_{.root = scratch_.path() + "/root", .key = artifact::sample_key(), .volumes = {}, .stores = {}};
  SampleImage sample_ = make_sample(1);
  ArrivalUpdate on_arriving_;
};

TEST_F(EndpointCacheTest, each_source_is_asked_in_its_turn_and_the_reason_says_why) {
  use_store();
  auto cache = open();
  auto found = MUST(bring(*cache, sample_, true));
  EXPECT_EQ(found.source, SourceKind::kRegistry);
  EXPECT_EQ(found.wire_bytes, 77U);
  EXPECT_EQ(found.reason, "cache: not found; volume: none; store " + scratch_.path() + "/store: not found");
  auto again = MUST(bring(*cache, sample_));
  EXPECT_EQ(again.source, SourceKind::kCache);
  EXPECT_EQ(again.wire_bytes, 0U);
  EXPECT_EQ(again.reason, "");
}

TEST_F(EndpointCacheTest, a_store_gives_it_and_its_bytes_are_counted) {
  publish(sample_);
  use_store();
  auto cache = open();
  auto found = MUST(bring(*cache, sample_));
  EXPECT_EQ(found.source, SourceKind::kStore);
  EXPECT_GT(found.wire_bytes, 2 * kMiB);
  EXPECT_EQ(found.reason, "cache: not found; volume: none");
  ASSERT_EQ(cache->cached().size(), 1U);
  EXPECT_TRUE(cache->cached()[0].published);
}

TEST_F(EndpointCacheTest, a_volume_that_is_completed_later_is_used_then) {
  settings_.volumes = {scratch_.path() + "/volume"};
  auto cache = open();
  EXPECT_FALSE(bring(*cache, sample_).ok());
  add_volume("volume", make_sample(2));
  EXPECT_FALSE(bring(*cache, sample_).ok());
  add_volume("volume", sample_);
  auto found = MUST(bring(*cache, sample_));
  EXPECT_EQ(found.source, SourceKind::kVolume);
  EXPECT_EQ(found.wire_bytes, 0U);
}

TEST_F(EndpointCacheTest, a_broken_seal_on_a_volume_is_the_reason) {
  add_volume("volume", sample_);
  add_volume("volume", make_sample(2));
  artifact::flip_bit(artifact::open_cache(scratch_.path() + "/volume")->artifact_path(sample_.contents.name()) + "/seal", 3);
  settings_.volumes = {scratch_.path() + "/volume"};
  auto found = MUST(bring(*open(), sample_, true));
  EXPECT_EQ(found.source, SourceKind::kRegistry);
  EXPECT_NE(found.reason.find("volume " + scratch_.path() + "/volume: the seal does not match"), std::string::npos)
      << found.reason;
}

TEST_F(EndpointCacheTest, what_arrives_is_told_while_it_does) {
  publish(sample_);
  use_store();
  Guarded<std::vector<Arriving>> told;
  on_arriving_ = [&](const Arriving& arriving) { told.lock()->push_back(arriving); };
  auto found = MUST(bring(*open(), sample_));
  auto all = told.lock();
  ASSERT_FALSE(all->empty());
  EXPECT_EQ(all->front().source, SourceKind::kStore);
  EXPECT_GT(all->front().wire_bytes, 0U);
  EXPECT_LT(all->front().wire_bytes, found.wire_bytes);
  EXPECT_EQ(all->front().reason, "cache: not found; volume: none");
}

TEST(WireMeter, tells_once_a_second_and_counts_everything) {
  struct SetClock final : Clock {
    SteadyTime steady_now() const override { return now; }
    WallTime wall_now() const override { return {}; }
    SteadyTime now{std::chrono::hours(1)};
  } clock;
  std::vector<std::uint64_t> told;
  WireMeter wire([&](std::uint64_t bytes) { told.push_back(bytes); }, clock);
  wire.add(1);
  wire.add(2);
  clock.now += std::chrono::seconds(1);
  wire.add(4);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 7}));
  EXPECT_EQ(wire.bytes(), 7U);
}

TEST_F(EndpointCacheTest, the_end_of_a_publication_is_told_at_once) {
  use_store();
  Guarded<int> told;
  settings_.on_published = [&] {
    ++*told.lock();
    told.lock().notify_all();
  };
  auto cache = open();
  MUST(bring(*cache, sample_, true));
  {
    auto count = told.lock();
    ASSERT_TRUE(count.wait(ctx_, [&] { return *count == 1; }));
  }
  EXPECT_TRUE(cache->cached()[0].published);
}

TEST_F(EndpointCacheTest, with_caching_off_neither_volumes_nor_stores_are_asked_nor_published_to) {
  add_volume("volume", sample_);
  settings_.volumes = {scratch_.path() + "/volume"};
  settings_.image_cache = Caching::kOff;
  use_store();
  auto cache = open();
  auto found = MUST(bring(*cache, sample_, true));
  EXPECT_EQ(found.source, SourceKind::kRegistry);
  EXPECT_NE(found.reason.find("the image cache is off"), std::string::npos) << found.reason;
  cache->stop();
  auto store = MUST(store::FolderStore::open(scratch_.path() + "/store"));
  EXPECT_TRUE(MUST(artifact::read_store_catalog(ctx_, *store, settings_.key)).images.empty());
}

TEST_F(EndpointCacheTest, what_was_converted_here_is_published_behind) {
  use_store();
  auto cache = open();
  MUST(bring(*cache, sample_, true));
  cache.reset();  // ends what has begun
  auto later = open();
  later->publish_missing();
  auto store = MUST(store::FolderStore::open(scratch_.path() + "/store"));
  while (ctx_.check().ok() && MUST(artifact::read_store_catalog(ctx_, *store, settings_.key)).images.empty()) {
  }
  MUST(ctx_.check());
}

TEST_F(EndpointCacheTest, what_cannot_fit_is_refused_and_leaves_nothing) {
  publish(sample_);
  use_store();
  settings_.budget_bytes = 2 * kMiB;
  auto cache = open();
  auto found = bring(*cache, sample_, true);
  ASSERT_TRUE(found.failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(cache->cached().empty());
}

TEST_F(EndpointCacheTest, a_volume_that_is_taken_away_serves_nothing_new) {
  add_volume("volume", sample_);
  settings_.volumes = {scratch_.path() + "/volume"};
  auto cache = open();
  EXPECT_TRUE(cache->serves(scratch_.path() + "/volume"));
  cache->set_volumes(ctx_, {});
  EXPECT_FALSE(cache->serves(scratch_.path() + "/volume"));
  EXPECT_TRUE(cache->images().empty());
}

}  // namespace
}  // namespace zeropull::agent
