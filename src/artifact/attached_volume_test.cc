#include "artifact/attached_volume.h"

#include <gtest/gtest.h>

#include "artifact/sample_image.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"

namespace zeropull::artifact {
namespace {

class AttachedVolumeTest : public testing::Test {
 protected:
  AttachedVolumeTest() { publish_sample(*open_cache(folder_), sample_); }
  std::string blob_path(const std::string& root) { return root + "/blobs/" + sample_.contents.blobs.back().id.hex(); }
  std::string make_image(const std::vector<std::string>& argv) {
    MUST(os::run_program(ctx_, {.argv = argv, .input = {}}));
    return scratch_.path() + "/image";
  }
  std::string make_ext4() { return make_image({"mkfs.ext4", "-q", "-d", folder_, scratch_.path() + "/image", "64M"}); }
  // Attaches, reads a blob through it and checks all.
  void use(const std::string& image) {
    auto volume = MUST(AttachedVolume::attach(ctx_, image, sample_key(), mount_point_));
    ASSERT_EQ(volume->images().size(), 1u);
    EXPECT_EQ(MUST(os::read_file(blob_path(volume->folder().path()), kGiB)), sample_.blobs.back());
    EXPECT_TRUE(volume->verify_all(ctx_).ok());
    EXPECT_FALSE(volume->withdrawn());
    MUST(volume->detach());
    EXPECT_FALSE(MUST(os::is_mount_point(mount_point_)));
  }

  Context ctx_ = Context::root("test");
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-volume-"));
  std::string folder_ = scratch_.path() + "/cache";
  std::string mount_point_ = scratch_.path() + "/mnt";
  SampleImage sample_ = make_sample(1);
};

TEST_F(AttachedVolumeTest, a_folder_is_used_where_it_is) {
  auto volume = MUST(AttachedVolume::attach(ctx_, folder_, sample_key(), mount_point_));
  EXPECT_EQ(volume->images().size(), 1u);
  EXPECT_FALSE(os::exists(mount_point_));
}

TEST_F(AttachedVolumeTest, an_ext4_image_is_mounted_read_only) { use(make_ext4()); }

TEST_F(AttachedVolumeTest, an_erofs_image_is_mounted_read_only) {
  use(make_image({"mkfs.erofs", scratch_.path() + "/image", folder_}));
}

TEST_F(AttachedVolumeTest, an_agent_that_comes_back_finds_its_mount) {
  auto image = make_ext4();
  MUST(AttachedVolume::attach(ctx_, image, sample_key(), mount_point_));
  use(image);
}

TEST_F(AttachedVolumeTest, another_volume_takes_the_place_of_one_that_was_mounted_there) {
  auto first = scratch_.path() + "/first";
  MUST(os::rename_path(make_ext4(), first));
  MUST(AttachedVolume::attach(ctx_, first, sample_key(), mount_point_));
  publish_sample(*open_cache(folder_), make_sample(2));
  auto volume = MUST(AttachedVolume::attach(ctx_, make_ext4(), sample_key(), mount_point_));
  EXPECT_EQ(volume->images().size(), 2u);
  MUST(volume->detach());
}

TEST_F(AttachedVolumeTest, a_damaged_blob_is_found_by_the_whole_check_and_withdraws_the_volume) {
  flip_bit(blob_path(folder_), 5000);
  auto volume = MUST(AttachedVolume::attach(ctx_, make_ext4(), sample_key(), mount_point_));
  EXPECT_EQ(volume->images().size(), 1u);
  EXPECT_TRUE(volume->verify_all(ctx_).failed_with(Code::kDataLoss));
  EXPECT_TRUE(volume->withdrawn());
  EXPECT_TRUE(volume->images().empty());
  MUST(volume->detach());
}

TEST_F(AttachedVolumeTest, images_that_fail_the_check_are_left_out_and_the_others_served) {
  auto damaged = make_sample(2);
  publish_sample(*open_cache(folder_), damaged);
  flip_bit(folder_ + "/blobs/" + damaged.contents.blobs[damaged.contents.image().metadata_blob].id.hex(), 9);
  auto volume = MUST(AttachedVolume::attach(ctx_, folder_, sample_key(), mount_point_));
  ASSERT_EQ(volume->images().size(), 1u);
  EXPECT_EQ(volume->images()[0]->image().manifest_digest, sample_.contents.image().manifest_digest);
}

TEST_F(AttachedVolumeTest, another_endpoints_key_and_what_is_no_volume_are_refused) {
  auto other = AttachedVolume::attach(ctx_, folder_, sample_key(8), mount_point_);
  EXPECT_TRUE(other.failed_with(Code::kFailedPrecondition));
  MUST(os::replace_file(scratch_.path() + "/image", Bytes(1 << 20)));
  EXPECT_FALSE(AttachedVolume::attach(ctx_, scratch_.path() + "/image", sample_key(), mount_point_).ok());
  EXPECT_TRUE(AttachedVolume::attach(ctx_, scratch_.path() + "/absent", sample_key(), mount_point_).failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::artifact
