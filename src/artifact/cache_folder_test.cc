#include "artifact/cache_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "artifact/cache_writer.h"
#include "artifact/sample_image.h"
#include "artifact/verify.h"

namespace zeropull::artifact {
namespace {

using namespace std::chrono_literals;

class CacheFolderTest : public testing::Test {
 protected:
  std::string read(const std::string& path) { return MUST(os::read_text(path, kGiB)); }
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-cache-"));
  std::string path_ = scratch_.path() + "/cache";
};

TEST_F(CacheFolderTest, finds_a_published_image_by_everything) {
  auto sample = make_sample(1);
  const auto& image = sample.contents.image();
  publish_sample(*open_cache(path_), sample);
  auto folder = open_cache(path_, Access::kRead);
  ASSERT_EQ(folder->images().size(), 1U);
  EXPECT_EQ(folder->images()[0]->contents(), sample.contents);
  EXPECT_NE(folder->find_manifest(image.manifest_digest), nullptr);
  EXPECT_NE(folder->find_reference("registry.example/sample:1"), nullptr);
  EXPECT_EQ(folder->find_reference("registry.example/sample:2"), nullptr);
  EXPECT_EQ(folder->find_chain(image.layers[0].chain_id)->layers, 1U);
  EXPECT_TRUE(folder->find_chain(image.layers[1].chain_id)->whole());
  EXPECT_FALSE(folder->find_chain(ChainId{}).has_value());
  for (std::size_t i = 0; i < sample.blobs.size(); ++i) {
    EXPECT_EQ(read(folder->blob_path(sample.contents.blobs[i].id)), as_text(sample.blobs[i]));
  }
}

TEST_F(CacheFolderTest, is_readable_by_its_owner_alone) {
  auto sample = make_sample(1);
  auto folder = open_cache(path_);
  publish_sample(*folder, sample);
  auto image = folder->artifact_path(sample.contents.image().manifest_digest);
  for (const auto& path : {path_, path_ + "/blobs", path_ + "/images", path_ + "/tmp", image}) {
    EXPECT_EQ(MUST(os::stat_path(path)).st_mode & 07777, 0700U) << path;
  }
  for (const auto& path : {image + "/index", image + "/seal", folder->blob_path(sample.contents.blobs[0].id)}) {
    EXPECT_EQ(MUST(os::stat_path(path)).st_mode & 07777, 0600U) << path;
  }
}

TEST_F(CacheFolderTest, of_two_images_with_one_reference_the_newest_wins) {
  auto folder = open_cache(path_);
  auto older = make_sample(1);
  auto newer = make_sample(2);
  older.contents.image().references = {{"r/app:latest", ResolvedTime(2000ms)}};
  newer.contents.image().references = {{"r/app:latest", ResolvedTime(3000ms)}};
  publish_sample(*folder, newer);
  publish_sample(*folder, older);
  EXPECT_EQ(folder->find_reference("r/app:latest")->image().manifest_digest, newer.contents.image().manifest_digest);
  MUST(folder->add_reference(older.contents.image().manifest_digest, {"r/app:latest", ResolvedTime(4000ms)}));
  EXPECT_EQ(folder->find_reference("r/app:latest")->image().manifest_digest, older.contents.image().manifest_digest);
  EXPECT_TRUE(folder->add_reference(ManifestDigest{}, {"r/app:latest", ResolvedTime(4000ms)}).failed_with(Code::kNotFound));
}

TEST_F(CacheFolderTest, publishing_again_keeps_references_and_replaces_a_broken_index) {
  auto folder = open_cache(path_);
  auto sample = make_sample(1);
  publish_sample(*folder, sample);
  auto again = sample;
  again.contents.image().references = {{"r/other:tag", ResolvedTime(9ms)}};
  publish_sample(*folder, again);
  EXPECT_EQ(folder->images()[0]->image().references.size(), 2U);
  flip_bit(folder->artifact_path(sample.contents.image().manifest_digest) + "/index", 100);
  MUST(folder->refresh());
  EXPECT_TRUE(folder->images().empty());
  EXPECT_EQ(folder->broken().size(), 1U);
  publish_sample(*folder, sample);
  EXPECT_EQ(folder->images().size(), 1U);
  EXPECT_TRUE(folder->broken().empty());
  EXPECT_TRUE(MUST(os::list_folder(path_ + "/tmp")).empty());
}

TEST_F(CacheFolderTest, prefers_the_image_that_ends_at_the_chain) {
  auto folder = open_cache(path_);
  auto longer = make_sample(1);
  publish_sample(*folder, longer);
  auto shorter = make_sample(2);
  auto& image = shorter.contents.image();
  image.layers.pop_back();
  publish_sample(*folder, shorter);
  auto match = folder->find_chain(image.layers[0].chain_id);
  ASSERT_TRUE(match.has_value());
  EXPECT_TRUE(match->whole());
  EXPECT_EQ(match->image->image().manifest_digest, image.manifest_digest);
}

TEST_F(CacheFolderTest, opened_for_reading_is_never_written) {
  auto sample = make_sample(1);
  publish_sample(*open_cache(path_), sample);
  ASSERT_EQ(::unlink((path_ + "/lock").c_str()), 0);
  ASSERT_EQ(::rmdir((path_ + "/tmp").c_str()), 0);
  auto folder = open_cache(path_, Access::kRead);
  EXPECT_TRUE(folder->begin().failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(folder->collect({}).failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(folder->remove_artifact(sample.contents.image().manifest_digest).failed_with(Code::kFailedPrecondition));
  MUST(check_attach(Context::root("test"), *folder, *folder->images()[0]));
  EXPECT_EQ(MUST(os::list_folder(path_)), (std::vector<std::string>{"blobs", "images", "models"}));
  EXPECT_TRUE(CacheFolder::open(scratch_.path(), {}).failed_with(Code::kNotFound));
}

TEST_F(CacheFolderTest, an_image_without_one_of_its_blobs_is_not_published) {
  auto sample = make_sample(1);
  auto folder = open_cache(path_);
  auto writer = MUST(folder->begin());
  EXPECT_TRUE(writer.publish(sample.contents).failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(MUST(os::list_folder(path_ + "/images")).empty());
  auto pending = MUST(writer.create_blob());
  EXPECT_TRUE(
      writer.adopt(std::move(pending), sample.contents.blobs[0].id, sample.contents.blobs[0].size).failed_with(Code::kInternal));
  EXPECT_TRUE(MUST(os::list_folder(path_ + "/tmp")).empty());
}

TEST_F(CacheFolderTest, a_blob_that_is_written_again_takes_the_place_of_a_damaged_one) {
  auto sample = make_sample(1);
  auto folder = open_cache(path_);
  publish_sample(*folder, sample);
  flip_bit(folder->blob_path(sample.contents.blobs[2].id), 7);
  publish_sample(*folder, sample);
  MUST(verify_artifact(Context::root("test"), *folder, *folder->images()[0]));
}

TEST_F(CacheFolderTest, is_not_made_among_other_things) {
  MUST(os::ensure_folder(path_ + "/tmp"));
  MUST(os::create_file(path_ + "/tmp/precious", as_bytes("somebody's")));
  auto opened = CacheFolder::open(path_, {.access = Access::kWrite, .key = sample_key()});
  ASSERT_TRUE(opened.failed_with(Code::kFailedPrecondition));
  EXPECT_NE(opened.error().message().find("no cache folder"), std::string::npos) << opened.error().message();
  EXPECT_EQ(MUST(os::list_folder(path_)), std::vector<std::string>{"tmp"});
}

TEST_F(CacheFolderTest, is_made_in_an_empty_file_system) {
  MUST(os::ensure_folder(path_ + "/lost+found"));
  MUST(CacheFolder::open(path_, {.access = Access::kWrite, .key = sample_key()}));
}

TEST_F(CacheFolderTest, collects_what_no_image_names_and_nothing_in_use) {
  auto folder = open_cache(path_);
  auto kept = make_sample(1);
  auto removed = make_sample(2);
  publish_sample(*folder, kept);
  publish_sample(*folder, removed);
  MUST(folder->remove_artifact(removed.contents.image().manifest_digest));
  EXPECT_EQ(folder->images().size(), 1U);
  MUST(os::create_file(path_ + "/tmp/blob-left", as_bytes("left by a writer that died")));
  auto in_use = removed.contents.blobs[4].id;
  auto collected = MUST(folder->collect({in_use}));
  EXPECT_EQ(collected.blobs, 2U);  // the upper layer's tree and the metadata; the lower layer is shared
  EXPECT_EQ(collected.leftovers, 1U);
  EXPECT_TRUE(os::exists(folder->blob_path(in_use)));
  EXPECT_EQ(MUST(folder->collect({})).blobs, 1U);
  MUST(verify_artifact(Context::root("test"), *folder, *folder->images()[0]));
}

TEST_F(CacheFolderTest, collects_nothing_while_a_writer_is_at_work_or_an_image_is_broken) {
  auto folder = open_cache(path_);
  auto sample = make_sample(1);
  {
    auto writer = MUST(folder->begin());
    EXPECT_TRUE(open_cache(path_)->collect({}).failed_with(Code::kUnavailable));
  }
  publish_sample(*folder, sample);
  flip_bit(folder->artifact_path(sample.contents.image().manifest_digest) + "/seal", 0);
  EXPECT_TRUE(folder->collect({}).failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(folder->has_blob(sample.contents.blobs[0].id, sample.contents.blobs[0].size));
  MUST(folder->remove_artifact(sample.contents.image().manifest_digest));
  EXPECT_EQ(MUST(folder->collect({})).blobs, 5U);
}

TEST_F(CacheFolderTest, says_how_much_room_is_missing) {
  auto folder = open_cache(path_);
  MUST(folder->ensure_space(4096));
  auto space = folder->ensure_space(std::uint64_t{1} << 60);
  ASSERT_TRUE(space.failed_with(Code::kResourceExhausted));
  EXPECT_NE(space.error().message().find("1048576.0 TiB"), std::string::npos) << space.error().message();
}

TEST_F(CacheFolderTest, an_evicted_image_frees_at_once_what_nothing_else_names) {
  auto folder = open_cache(path_);
  auto kept = make_sample(1);
  auto evicted = make_sample(2);  // shares its lower layer
  publish_sample(*folder, kept);
  auto kept_bytes = folder->named_bytes();
  publish_sample(*folder, evicted);
  auto both_bytes = folder->named_bytes();
  auto writer = MUST(folder->begin());  // a collection would be refused
  EXPECT_EQ(MUST(folder->evict(evicted.contents.name())), both_bytes - kept_bytes);
  EXPECT_EQ(folder->find(evicted.contents.name()), nullptr);
  EXPECT_EQ(folder->named_bytes(), kept_bytes);
  for (const auto& blob : kept.contents.blobs) EXPECT_TRUE(folder->has_blob(blob.id, blob.size));
  EXPECT_FALSE(folder->has_blob(evicted.contents.blobs[4].id, evicted.contents.blobs[4].size));
}

TEST_F(CacheFolderTest, what_a_writer_holds_survives_an_eviction) {
  auto folder = open_cache(path_);
  auto sample = make_sample(1);
  publish_sample(*folder, sample);
  const auto& held = sample.contents.blobs[2];
  {
    auto writer = MUST(folder->begin());
    EXPECT_TRUE(writer.hold(held.id, held.size));
    EXPECT_FALSE(writer.hold(BlobId{}, 1));
    MUST(folder->evict(sample.contents.name()));
    EXPECT_TRUE(folder->has_blob(held.id, held.size));
    EXPECT_FALSE(folder->has_blob(sample.contents.blobs[0].id, sample.contents.blobs[0].size));
  }
  publish_sample(*folder, sample);
  MUST(folder->evict(sample.contents.name()));
  EXPECT_FALSE(folder->has_blob(held.id, held.size));
}

TEST_F(CacheFolderTest, the_last_use_is_remembered_by_the_next_process) {
  auto sample = make_sample(1);
  publish_sample(*open_cache(path_), sample);
  auto when = WallTime(std::chrono::seconds(1'000'000));
  MUST(open_cache(path_)->touch(sample.contents.name(), when));
  auto folder = open_cache(path_);
  EXPECT_EQ(folder->images().size(), 1U);
  EXPECT_EQ(MUST(folder->last_used(sample.contents.name())), when);
  EXPECT_TRUE(folder->last_used(ModelIdentity{}).failed_with(Code::kNotFound));
}

TEST_F(CacheFolderTest, a_volume_without_a_folder_for_models_is_read) {
  publish_sample(*open_cache(path_), make_sample(1));
  MUST(os::remove_tree(path_ + "/models"));
  EXPECT_EQ(open_cache(path_, Access::kRead)->images().size(), 1U);
}

// Stops the process before its `count`-th durable step, as a crash would.
constexpr int kCrashed = 7;
CacheFolderOptions crashing_options(int count) {
  auto left = std::make_shared<int>(count);
  return {.access = Access::kWrite, .key = sample_key(), .before_step = [left](std::string_view) {
            if (--*left == 0) ::_exit(kCrashed);
          }};
}

// Whatever step a publication dies before, the folder opens with whole images alone, and collect() leaves only theirs.
TEST_F(CacheFolderTest, a_crash_at_any_step_of_a_publication_leaves_all_or_nothing) {
  auto old_index = make_sample(1);
  auto sample = make_sample(2);
  auto replaced = make_sample(1);
  replaced.contents.image().references = {{"r/new:tag", ResolvedTime(5ms)}};
  int steps = 0;
  for (bool finished = false; !finished; ++steps) {
    std::string path = fmt::format("{}/{}", scratch_.path(), steps);
    publish_sample(*open_cache(path), old_index);
    auto run = [&] {
      auto folder = MUST(CacheFolder::open(path, crashing_options(steps + 1)));
      publish_sample(*folder, sample);
      publish_sample(*folder, replaced);
      MUST(folder->remove_artifact(sample.contents.image().manifest_digest));
      MUST(folder->collect({}));
      ::_exit(0);
    };
    pid_t child = ::fork();
    if (child == 0) run();
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    finished = WEXITSTATUS(status) == 0;
    ASSERT_TRUE(finished || WEXITSTATUS(status) == kCrashed) << "exit code " << WEXITSTATUS(status);
    auto folder = open_cache(path);
    EXPECT_TRUE(folder->broken().empty()) << "step " << steps;
    ASSERT_NE(folder->find_manifest(old_index.contents.image().manifest_digest), nullptr) << "step " << steps;
    std::set<std::string> named;
    for (const auto& image : folder->images()) {
      MUST(verify_artifact(Context::root("test"), *folder, *image));
      for (const auto& blob : image->blobs()) named.insert(blob.id.hex());
    }
    MUST(folder->collect({}));
    auto left = MUST(os::list_folder(path + "/blobs"));
    EXPECT_EQ(std::set<std::string>(left.begin(), left.end()), named) << "step " << steps;
    EXPECT_TRUE(MUST(os::list_folder(path + "/tmp")).empty());
    MUST(os::remove_tree(path));
  }
  EXPECT_GT(steps, 15);
}

}  // namespace
}  // namespace zeropull::artifact
