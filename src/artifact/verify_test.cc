#include "artifact/verify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "artifact/sample_image.h"

namespace zeropull::artifact {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() { publish_sample(*open_cache(path_), sample_); }
  std::string blob_path(std::size_t number) { return path_ + "/blobs/" + sample_.contents.blobs[number].id.hex(); }

  Context ctx_ = Context::root("test");
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-verify-"));  // a disk, for direct reads
  std::string path_ = scratch_.path() + "/cache";
  SampleImage sample_ = make_sample(1);
};

TEST_F(VerifyTest, passes_what_was_published_and_reports_every_byte) {
  auto folder = open_cache(path_, Access::kRead);
  std::atomic<std::uint64_t> done = 0;
  std::atomic<int> finished = 0;
  VerifyOptions options;
  options.progress = [&](const ProgressEvent& event) {
    done = std::max<std::uint64_t>(done, event.done_bytes);
    finished += event.finished ? 1 : 0;
  };
  MUST(verify_artifact(ctx_, *folder, *folder->images()[0], options));
  EXPECT_EQ(done, folder->images()[0]->total_size());
  EXPECT_EQ(finished, 1);
  MUST(check_attach(ctx_, *folder, *folder->images()[0]));
}

TEST_F(VerifyTest, finds_a_flipped_bit_in_any_blob_and_names_blob_and_frame) {
  auto folder = open_cache(path_, Access::kRead);
  for (std::size_t i = 0; i < sample_.blobs.size(); ++i) {
    auto at = sample_.blobs[i].size() - 1;
    flip_bit(blob_path(i), at);
    auto verified = verify_artifact(ctx_, *folder, *folder->images()[0]);
    ASSERT_TRUE(verified.failed_with(Code::kDataLoss)) << i;
    EXPECT_NE(verified.error().message().find(sample_.contents.blobs[i].id.text()), std::string::npos);
    EXPECT_NE(verified.error().message().find(fmt::format("frame {} of", at / kFrameSize)), std::string::npos);
    flip_bit(blob_path(i), at);
  }
  MUST(verify_artifact(ctx_, *folder, *folder->images()[0]));
}

TEST_F(VerifyTest, attaching_finds_changed_metadata_sizes_and_absence_before_a_mount) {
  auto folder = open_cache(path_, Access::kRead);
  auto image = folder->images()[0];
  flip_bit(blob_path(0), 77);
  EXPECT_TRUE(check_attach(ctx_, *folder, *image).failed_with(Code::kDataLoss));
  flip_bit(blob_path(0), 77);
  MUST(check_attach(ctx_, *folder, *image));
  ASSERT_EQ(::truncate(blob_path(4).c_str(), 4096), 0);
  EXPECT_TRUE(check_attach(ctx_, *folder, *image).failed_with(Code::kDataLoss));
  ASSERT_EQ(::unlink(blob_path(4).c_str()), 0);
  EXPECT_TRUE(check_attach(ctx_, *folder, *image).failed_with(Code::kNotFound));
}

TEST_F(VerifyTest, any_flipped_bit_of_index_or_seal_breaks_the_image) {
  auto files = path_ + "/images/" + sample_.contents.image().manifest_digest.hex();
  auto size = static_cast<std::uint64_t>(MUST(os::stat_path(files + "/index")).st_size);
  for (std::uint64_t at = 0; at < size; at += 13) {
    flip_bit(files + "/index", at);
    auto folder = open_cache(path_, Access::kRead);
    EXPECT_TRUE(folder->images().empty() && folder->broken().size() == 1) << at;
    flip_bit(files + "/index", at);
  }
  auto folder = open_cache(path_, Access::kRead);
  flip_bit(files + "/seal", 31);
  EXPECT_TRUE(check_attach(ctx_, *folder, *folder->images()[0]).failed_with(Code::kDataLoss));
  EXPECT_TRUE(open_cache(path_, Access::kRead)->images().empty());
}

TEST_F(VerifyTest, another_endpoints_key_opens_nothing) {
  EXPECT_TRUE(open_cache(path_, Access::kRead, sample_key(8))->images().empty());
  auto without_key = MUST(CacheFolder::open(path_, {}));
  ASSERT_EQ(without_key->images().size(), 1U);  // to inspect
  EXPECT_TRUE(check_attach(ctx_, *without_key, *without_key->images()[0]).failed_with(Code::kFailedPrecondition));
}

TEST_F(VerifyTest, a_swapped_blob_file_is_found) {
  // Frames are bound to their place: the same bytes under another blob's name, size and all, are wrong.
  auto folder = open_cache(path_, Access::kRead);
  Bytes swapped = sample_.blobs[4];
  std::swap_ranges(swapped.begin(), swapped.begin() + static_cast<std::ptrdiff_t>(kFrameSize),
                   swapped.begin() + static_cast<std::ptrdiff_t>(2 * kFrameSize));
  MUST(os::replace_file(blob_path(4), swapped));
  EXPECT_TRUE(verify_artifact(ctx_, *folder, *folder->images()[0]).failed_with(Code::kDataLoss));
}

}  // namespace
}  // namespace zeropull::artifact
