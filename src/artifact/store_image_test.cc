// Publishing to a store, fetching from it, and what a store that is wrong, incomplete or strange does to both.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "artifact/collector.h"
#include "artifact/fetch_plan.h"
#include "artifact/fetcher.h"
#include "artifact/object_names.h"
#include "artifact/publisher.h"
#include "artifact/sample_image.h"
#include "artifact/store_catalog.h"
#include "artifact/verify.h"
#include "base/executor.h"
#include "codec/digest.h"
#include "store/folder_store.h"
#include "store/http_store.h"
#include "store/scoped_store.h"
#include "store/self_signed.h"
#include "store/server.h"

namespace zeropull::artifact {
namespace {

// Passes everything on, counts, and fails puts after the first `puts_max`, as a process does that dies.
class WatchedStore final : public store::ObjectStore {
 public:
  explicit WatchedStore(store::ObjectStore& store) : store_(store) {}
  Result<void> put(const Context& ctx, const store::ObjectName& name, ByteView bytes) override {
    largest_put = std::max<std::size_t>(largest_put, bytes.size());
    if (puts++ >= puts_max) return make_error(Code::kUnavailable, "died");
    if (before_put) before_put(name);
    return store_.put(ctx, name, bytes);
  }
  Result<void> read(const Context& ctx, const store::ObjectName& name, std::uint64_t offset, MutableByteView out) override {
    ++reads;
    return store_.read(ctx, name, offset, out);
  }
  Result<Bytes> read_whole(const Context& ctx, const store::ObjectName& name, std::uint64_t size_max) override {
    return store_.read_whole(ctx, name, size_max);
  }
  Result<store::ObjectInfo> stat(const Context& ctx, const store::ObjectName& name) override { return store_.stat(ctx, name); }
  Result<store::ListPage> list(const Context& ctx, const store::ListRequest& request) override {
    return store_.list(ctx, request);
  }
  Result<void> remove(const Context& ctx, const store::ObjectName& name) override { return store_.remove(ctx, name); }
  std::string describe() const override { return "the watched store"; }

  std::atomic<std::size_t> puts = 0;
  std::atomic<std::size_t> reads = 0;
  std::atomic<std::size_t> largest_put = 0;
  std::size_t puts_max = SIZE_MAX;
  std::function<void(const store::ObjectName&)> before_put;

 private:
  store::ObjectStore& store_;
};

class LaterClock final : public Clock {
 public:
  explicit LaterClock(Duration later) : later_(later) {}
  SteadyTime steady_now() const override { return Clock::system().steady_now(); }
  WallTime wall_now() const override {
    return Clock::system().wall_now() + std::chrono::duration_cast<WallTime::duration>(later_);
  }

 private:
  Duration later_;
};

class StoreImage : public testing::Test {
 protected:
  void publish(const SampleImage& sample) {
    if (folder_->find_manifest(sample.contents.image().manifest_digest) == nullptr) publish_sample(*folder_, sample);
    auto publisher = MUST(Publisher::create(ctx_, store_, key_, {.threads = 2}));
    MUST(publisher->publish_artifact(ctx_, *folder_, sample.contents));
    counts_ = publisher->counts();
  }
  ImagePtr stored(const SampleImage& sample) {
    return MUST(read_store_artifact(ctx_, store_, key_, sample.contents.image().manifest_digest));
  }
  std::unique_ptr<CacheFolder> fresh_cache() { return open_cache(fmt::format("{}/fresh-{}", scratch_.path(), ++caches_)); }
  // Fetches into a new cache folder; on success everything in it must be right.
  Result<void> fetch(const SampleImage& sample) {
    auto index = TRY(read_store_artifact(ctx_, store_, key_, sample.contents.image().manifest_digest));
    auto cache = fresh_cache();
    auto fetched = fetch_artifact(ctx_, store_, *index, *cache, {.connections = 3});
    if (!fetched.ok()) {
      EXPECT_TRUE(MUST(os::list_folder(cache->path() + "/images")).empty());
      EXPECT_TRUE(MUST(os::list_folder(cache->path() + "/tmp")).empty());
      return fetched;
    }
    MUST(verify_artifact(ctx_, *cache, *cache->images()[0]));
    for (std::size_t i = 0; i < sample.blobs.size(); ++i) {
      EXPECT_EQ(MUST(os::read_file(cache->blob_path(sample.contents.blobs[i].id), kGiB)), sample.blobs[i]);
    }
    return {};
  }
  std::vector<std::string> files(const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& object : MUST(list_all(ctx_, store_, MUST(store::ObjectName::parse(folder))))) {
      auto last = object.name.text().substr(folder.size() + 1);
      found.push_back(fmt::format("{}/{}/_{}/{}", store_path_, folder, last.substr(0, 2), last));
    }
    return found;
  }

  Context ctx_ = Context::root("test");
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-publish-"));
  std::string store_path_ = scratch_.path() + "/store";
  std::unique_ptr<store::FolderStore> folder_store_ = MUST(store::FolderStore::open(store_path_));
  WatchedStore store_{*folder_store_};
  EndpointKey key_ = sample_key();
  std::unique_ptr<CacheFolder> folder_ = open_cache(scratch_.path() + "/cache");
  PublishCounts counts_;
  int caches_ = 0;
};

TEST_F(StoreImage, comes_back_as_it_was_published) {
  auto sample = make_sample(1);
  publish(sample);
  EXPECT_LE(store_.largest_put, kPackSizeMax);
  auto catalog = MUST(read_store_catalog(ctx_, store_, key_));
  ASSERT_NE(catalog.find_reference("registry.example/sample:1"), nullptr);
  ASSERT_NE(catalog.find_manifest(sample.contents.image().manifest_digest), nullptr);
  EXPECT_EQ(catalog.find_reference("registry.example/sample:2"), nullptr);
  MUST(verify_store_artifact(ctx_, store_, key_, *catalog.images[0]));
  MUST(fetch(sample));
}

TEST_F(StoreImage, travels_over_https_in_an_endpoints_own_folder) {
  auto sample = make_sample(1);
  publish_sample(*folder_, sample);
  std::string certificate = scratch_.path() + "/certificate.pem";
  std::string private_key = scratch_.path() + "/key.pem";
  MUST(store::create_self_signed({.certificate_file = certificate, .key_file = private_key, .names = {"127.0.0.1"}}));
  auto server = MUST(store::StoreServer::create(MUST(store::FolderStore::open(scratch_.path() + "/served")),
                                                MUST(store::Tokens::parse("token-of-endpoint-seven write seven")),
                                                {.certificate_file = certificate, .key_file = private_key}));
  store::HttpStoreOptions options{.url = server->url(), .token = "token-of-endpoint-seven"};
  options.client.ca_file = certificate;
  auto client = MUST(store::HttpStore::create(std::move(options)));
  store::ScopedStore endpoint(*client, MUST(store::ObjectName::parse("seven")));
  auto publisher = MUST(Publisher::create(ctx_, endpoint, key_));
  MUST(publisher->publish_artifact(ctx_, *folder_, sample.contents));
  auto index = MUST(read_store_artifact(ctx_, endpoint, key_, sample.contents.image().manifest_digest));
  auto cache = fresh_cache();
  MUST(fetch_artifact(ctx_, endpoint, *index, *cache));
  MUST(verify_artifact(ctx_, *cache, *cache->images()[0]));
}

TEST_F(StoreImage, frames_rest_as_small_as_they_can) {
  auto sample = make_sample(1);
  publish(sample);
  auto index = stored(sample);
  const auto& lower = index->blobs()[2];
  EXPECT_EQ(index->frame(lower, 0).codec, FrameCodec::kStored);  // random bytes
  EXPECT_EQ(index->frame(lower, 2).codec, FrameCodec::kZstd);
  EXPECT_EQ(index->frame(index->blobs()[4], 1).codec, FrameCodec::kZero);
  EXPECT_LT(counts_.stored_bytes, 3 * kFrameSize);  // two random frames and little more
  EXPECT_EQ(counts_.plain_bytes, index->total_size());
}

TEST_F(StoreImage, nothing_in_the_store_shows_what_it_holds) {
  auto sample = make_sample(1);
  publish(sample);
  for (const auto* folder : {"packs", "images"}) {
    for (const auto& file : files(folder)) {
      EXPECT_EQ(file.find(sample.contents.image().manifest_digest.hex()), std::string::npos);
      auto bytes = MUST(os::read_text(file, kGiB));
      for (const auto* secret : {"registry.example", "module/line", "sha256:"})
        EXPECT_EQ(bytes.find(secret), std::string::npos) << file;
    }
  }
}

TEST_F(StoreImage, neighbouring_frames_are_read_together) {
  auto sample = make_sample(1);
  publish(sample);
  auto index = stored(sample);
  store_.reads = 0;
  MUST(verify_store_artifact(ctx_, store_, key_, *index));
  EXPECT_EQ(store_.reads, 5U);  // one a blob: each is one pack, and none has more than kFetchReadMax
  std::vector<BlobNumber> all = {0, 1, 2, 3, 4};
  for (const auto& read : MUST(plan_fetch(*index, all))) EXPECT_LE(read.length, kFetchReadMax);
}

TEST_F(StoreImage, blobs_that_are_local_are_not_read) {
  auto sample = make_sample(1);
  auto other = make_sample(2);
  publish(sample);
  publish(other);
  auto cache = fresh_cache();
  MUST(fetch_artifact(ctx_, store_, *stored(sample), *cache));
  store_.reads = 0;
  MUST(fetch_artifact(ctx_, store_, *stored(other), *cache));
  EXPECT_EQ(store_.reads, 3U);
  MUST(fetch_artifact(ctx_, store_, *stored(other), *cache));
  EXPECT_EQ(store_.reads, 3U);
}

TEST_F(StoreImage, blobs_of_another_image_in_the_store_are_not_put_again) {
  publish(make_sample(1));
  auto packs = files("packs").size();
  publish(make_sample(2));
  EXPECT_EQ(counts_.reused_blobs, 2U);
  EXPECT_EQ(files("packs").size(), packs + 3);
  MUST(fetch(make_sample(1)));
  MUST(fetch(make_sample(2)));
  publish(make_sample(2));
  EXPECT_EQ(counts_.packs, 0U);
  MUST(fetch(make_sample(2)));
}

TEST_F(StoreImage, a_reused_pack_that_is_gone_is_put_again) {
  publish(make_sample(1));
  auto sample = make_sample(2);
  publish_sample(*folder_, sample);
  auto publisher = MUST(Publisher::create(ctx_, store_, key_));
  for (const auto& file : files("packs")) ASSERT_EQ(::unlink(file.c_str()), 0);
  MUST(publisher->publish_artifact(ctx_, *folder_, sample.contents));
  MUST(fetch(sample));
}

TEST_F(StoreImage, blobs_published_while_others_are_written_are_not_put_again) {
  auto sample = make_sample(1);
  publish_sample(*folder_, sample);
  auto publisher = MUST(Publisher::create(ctx_, store_, key_));
  MUST(parallel_for(ctx_, sample.blobs.size(), 3, [&](const Context& ctx, std::size_t i) -> Result<void> {
    auto fd = TRY(os::open_file(folder_->blob_path(sample.contents.blobs[i].id), O_RDONLY));
    return publisher->publish_blob(ctx, sample.contents.blobs[i], fd.get());
  }));
  EXPECT_TRUE(MUST(read_store_catalog(ctx_, store_, key_)).images.empty());
  auto packs = publisher->counts().packs;
  MUST(publisher->publish_artifact(ctx_, *folder_, sample.contents));
  EXPECT_EQ(publisher->counts().packs, packs);
  MUST(fetch(sample));
}

TEST_F(StoreImage, packs_are_filled_and_never_too_large) {
  // 40 MiB that do not compress, and what does.
  SampleImage sample = make_sample(1);
  SeededRandom random(5);
  Bytes large(40 * kFrameSize + 5);
  random.fill(large);
  std::vector<Sha256> hashes;
  auto path = scratch_.path() + "/large";
  MUST(os::create_file(path, large));
  for (std::size_t at = 0; at < large.size(); at += kFrameSize) {
    hashes.push_back(codec::sha256(ByteView(large).subspan(at, std::min<std::size_t>(kFrameSize, large.size() - at))));
  }
  auto blob = BlobContents::local(BlobRole::kLayerData, large.size(), hashes);
  auto publisher = MUST(Publisher::create(ctx_, store_, key_));
  auto fd = MUST(os::open_file(path, O_RDONLY));
  MUST(publisher->publish_blob(ctx_, blob, fd.get()));
  EXPECT_LE(store_.largest_put, kPackSizeMax);
  EXPECT_EQ(publisher->counts().packs, 3U);
}

TEST_F(StoreImage, a_damaged_local_blob_is_never_published) {
  auto sample = make_sample(1);
  publish_sample(*folder_, sample);
  flip_bit(folder_->blob_path(sample.contents.blobs[4].id), 5);
  auto publisher = MUST(Publisher::create(ctx_, store_, key_));
  EXPECT_TRUE(publisher->publish_artifact(ctx_, *folder_, sample.contents).failed_with(Code::kDataLoss));
  EXPECT_TRUE(MUST(read_store_catalog(ctx_, store_, key_)).images.empty());
}

TEST_F(StoreImage, any_flipped_bit_of_a_pack_is_found_and_names_the_store) {
  auto sample = make_sample(1);
  publish(sample);
  for (const auto& file : files("packs")) {
    auto size = static_cast<std::uint64_t>(MUST(os::stat_path(file)).st_size);
    for (std::uint64_t at : {std::uint64_t{0}, size / 2, size - 1}) {
      flip_bit(file, at);
      auto verified = verify_store_artifact(ctx_, store_, key_, *stored(sample));
      ASSERT_TRUE(verified.failed_with(Code::kDataLoss)) << file << " " << at;
      EXPECT_NE(verified.error().message().find("the watched store"), std::string::npos);
      EXPECT_TRUE(fetch(sample).failed_with(Code::kDataLoss));
      flip_bit(file, at);
    }
  }
  MUST(fetch(sample));
}

TEST_F(StoreImage, any_flipped_bit_of_an_index_object_is_found) {
  auto sample = make_sample(1);
  publish(sample);
  auto file = files("images")[0];
  auto size = static_cast<std::uint64_t>(MUST(os::stat_path(file)).st_size);
  for (std::uint64_t at = 0; at < size; at += at < 64 ? 1 : 17) {
    flip_bit(file, at);
    auto read = read_store_artifact(ctx_, store_, key_, sample.contents.image().manifest_digest);
    EXPECT_TRUE(read.failed_with(Code::kDataLoss) || read.failed_with(Code::kUnimplemented)) << at;
    EXPECT_EQ(MUST(read_store_catalog(ctx_, store_, key_)).broken.size(), 1U);
    flip_bit(file, at);
  }
}

TEST_F(StoreImage, of_an_unknown_version_is_refused_clearly) {
  auto sample = make_sample(1);
  publish(sample);
  flip_bit(files("images")[0], 8);
  auto read = read_store_artifact(ctx_, store_, key_, sample.contents.image().manifest_digest);
  ASSERT_TRUE(read.failed_with(Code::kUnimplemented));
  EXPECT_NE(read.error().message().find("version 0"), std::string::npos) << read.error().message();
}

TEST_F(StoreImage, truncated_and_missing_objects_are_found) {
  auto sample = make_sample(1);
  publish(sample);
  for (const auto& file : files("packs")) {
    auto bytes = MUST(os::read_file(file, kGiB));
    ASSERT_EQ(::truncate(file.c_str(), static_cast<off_t>(bytes.size() - 1)), 0);
    EXPECT_TRUE(fetch(sample).failed_with(Code::kOutOfRange));
    ASSERT_EQ(::unlink(file.c_str()), 0);
    EXPECT_TRUE(fetch(sample).failed_with(Code::kNotFound));
    MUST(os::replace_file(file, bytes));
  }
  MUST(fetch(sample));
  ASSERT_EQ(::truncate(files("images")[0].c_str(), 20), 0);
  EXPECT_TRUE(fetch(sample).failed_with(Code::kDataLoss));
}

TEST_F(StoreImage, a_frame_opens_in_its_own_place_alone) {
  auto sample = make_sample(1);
  publish(sample);
  auto good = stored(sample)->contents();
  // A store that hands out one frame's bytes for another's: the index is made to point there, as its writer never would.
  auto refused = [&](const IndexContents& contents) {
    auto index = MUST(ArtifactIndex::from_bytes(MUST(encode_index(contents))));
    return verify_store_artifact(ctx_, store_, key_, index).failed_with(Code::kDataLoss);
  };
  auto move_place = [](const FrameEntry& from, FrameEntry& to) {
    to.nonce = from.nonce;
    to.pack = from.pack;
    to.offset = from.offset;
    to.stored_length = from.stored_length;
    to.codec = from.codec;
  };
  auto within = good;  // another frame of the same blob, both of random bytes and one length
  move_place(good.blobs[2].frames[1], within.blobs[2].frames[0]);
  EXPECT_TRUE(refused(within));
  auto across = good;  // a frame of another blob with the same plain length
  across.blobs[4].packs = good.blobs[2].packs;
  for (auto& frame : across.blobs[4].frames) frame = {frame.sha256, {}, 0, 0, 0, FrameCodec::kZero};
  move_place(good.blobs[2].frames[0], across.blobs[4].frames[0]);
  EXPECT_TRUE(refused(across));
  auto zero = good;  // a frame said to be zeros
  zero.blobs[2].frames[0] = {zero.blobs[2].frames[0].sha256, {}, 0, 0, 0, FrameCodec::kZero};
  EXPECT_TRUE(refused(zero));
  EXPECT_FALSE(refused(good));
}

TEST_F(StoreImage, another_endpoints_key_finds_and_opens_nothing) {
  auto sample = make_sample(1);
  publish(sample);
  auto other = sample_key(8);
  EXPECT_TRUE(read_store_artifact(ctx_, store_, other, sample.contents.image().manifest_digest).failed_with(Code::kNotFound));
  auto catalog = MUST(read_store_catalog(ctx_, store_, other));
  EXPECT_TRUE(catalog.images.empty());
  EXPECT_EQ(catalog.broken.size(), 1U);
  EXPECT_FALSE(verify_store_artifact(ctx_, store_, other, *stored(sample)).ok());
}

TEST_F(StoreImage, an_image_that_was_never_published_is_not_fetched) {
  auto sample = make_sample(1);
  auto index = MUST(ArtifactIndex::from_bytes(MUST(encode_index(sample.contents))));
  EXPECT_TRUE(fetch_artifact(ctx_, store_, index, *fresh_cache()).failed_with(Code::kFailedPrecondition));
}

TEST_F(StoreImage, a_publication_that_dies_at_any_put_leaves_orphans_that_are_collected) {
  auto sample = make_sample(1);
  publish_sample(*folder_, sample);
  LaterClock later(kCollectGrace + std::chrono::hours(1));
  std::size_t died = 0;
  for (bool finished = false; !finished;) {
    store_.puts = 0;
    store_.puts_max = died;
    auto publisher = MUST(Publisher::create(ctx_, store_, key_, {.threads = 2}));
    finished = publisher->publish_artifact(ctx_, *folder_, sample.contents).ok();
    store_.puts_max = SIZE_MAX;
    EXPECT_EQ(MUST(read_store_catalog(ctx_, store_, key_)).images.size(), finished ? 1U : 0U);
    EXPECT_EQ(MUST(collect_store(ctx_, store_, key_)).packs, 0U) << "they are young";
    auto collected = MUST(collect_store(ctx_, store_, key_, {}, later));
    EXPECT_EQ(collected.packs, finished ? 0 : std::min<std::size_t>(died, 5));
    EXPECT_EQ(files("packs").size(), finished ? 5U : 0U);
    ++died;
  }
  EXPECT_EQ(died, 7U);  // five packs and the index
  MUST(fetch(sample));
}

TEST_F(StoreImage, two_publications_of_one_image_at_once_do_no_harm) {
  auto sample = make_sample(1);
  auto again = sample;
  again.contents.image().references = {{"r/other:tag", ResolvedTime(std::chrono::milliseconds(5))}};
  publish_sample(*folder_, sample);
  // Both have read an empty catalogue; the second finishes while the first is about to put its index.
  auto first = MUST(Publisher::create(ctx_, store_, key_));
  auto second = MUST(Publisher::create(ctx_, store_, key_));
  bool ran = false;
  store_.before_put = [&](const store::ObjectName& name) {
    if (!name.text().starts_with("images/") || std::exchange(ran, true)) return;
    MUST(second->publish_artifact(ctx_, *folder_, again.contents));
  };
  MUST(first->publish_artifact(ctx_, *folder_, sample.contents));
  store_.before_put = nullptr;
  EXPECT_TRUE(ran);
  MUST(fetch(sample));
  LaterClock later(kCollectGrace + std::chrono::hours(1));
  MUST(collect_store(ctx_, store_, key_, {}, later));
  MUST(fetch(sample));
  publish(again);
  EXPECT_EQ(stored(sample)->image().references.size(), 2U);
}

TEST_F(StoreImage, a_removed_images_packs_stay_for_the_grace_period_and_shared_ones_for_good) {
  auto kept = make_sample(1);
  auto removed = make_sample(2);
  publish(kept);
  publish(removed);
  auto digest = removed.contents.image().manifest_digest;
  MUST(remove_store_artifact(ctx_, store_, key_, digest));
  MUST(remove_store_artifact(ctx_, store_, key_, digest));
  EXPECT_TRUE(read_store_artifact(ctx_, store_, key_, digest).failed_with(Code::kNotFound));
  // Packs put long before the removal: the removed index still protects them.
  for (const auto& file : files("packs")) {
    timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }
  EXPECT_EQ(MUST(collect_store(ctx_, store_, key_)).packs, 0U);
  LaterClock later(kCollectGrace + std::chrono::hours(1));
  auto collected = MUST(collect_store(ctx_, store_, key_, {}, later));
  EXPECT_EQ(collected.packs, 3U);
  EXPECT_EQ(collected.indexes, 1U);
  EXPECT_TRUE(files("removed").empty());
  MUST(fetch(kept));
}

TEST_F(StoreImage, nothing_is_collected_while_an_index_is_broken) {
  publish(make_sample(1));
  publish(make_sample(2));
  flip_bit(files("images")[0], 100);
  LaterClock later(2 * kCollectGrace);
  EXPECT_TRUE(collect_store(ctx_, store_, key_, {}, later).failed_with(Code::kFailedPrecondition));
  EXPECT_EQ(files("packs").size(), 8U);
  MUST(remove_store_artifact(ctx_, store_, key_, make_sample(1).contents.image().manifest_digest));
  MUST(remove_store_artifact(ctx_, store_, key_, make_sample(2).contents.image().manifest_digest));
  EXPECT_EQ(MUST(collect_store(ctx_, store_, key_, {}, later)).packs, 8U);
}

TEST_F(StoreImage, a_purge_leaves_nothing) {
  publish(make_sample(1));
  publish(make_sample(2));
  MUST(remove_store_artifact(ctx_, store_, key_, make_sample(2).contents.image().manifest_digest));
  EXPECT_EQ(MUST(purge_store(ctx_, store_)), 10U);
  EXPECT_TRUE(MUST(list_all(ctx_, store_, {})).empty());
}

}  // namespace
}  // namespace zeropull::artifact
