// Models from origins in memory and from S3: into a cache folder, through a store into another, mounted and compared. The program
// is its own layer worker, as zeropull is.
#include "artifact/model_converter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "artifact/complete_volume.h"
#include "artifact/fake_model_origin.h"
#include "artifact/fetcher.h"
#include "artifact/image_mount.h"
#include "artifact/publisher.h"
#include "artifact/sample_image.h"
#include "artifact/sample_layer.h"
#include "artifact/store_catalog.h"
#include "artifact/verify.h"
#include "codec/digest.h"
#include "origin/fake_s3.h"
#include "os/file.h"
#include "os/mount.h"
#include "store/folder_store.h"

namespace zeropull::artifact {
namespace {

std::string noise(std::uint64_t seed, std::size_t size) {
  std::string bytes(size, '\0');
  SeededRandom random(seed);
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class ModelConverterTest : public testing::Test {
 protected:
  ModelConverterTest() {
    origin_.add("config.json", "{\"layers\": 12}");
    origin_.add("empty", "");
    origin_.add("tokenizer/vocab.txt", noise(1, 5001));
    origin_.add("weights/model-1.safetensors", noise(2, 40 * kMiB + 77));
    origin_.add("weights/model-2.safetensors", std::string(3 * kMiB, '\0') + noise(3, 100));
  }
  Result<ModelPtr> convert() { return convert(*folder_); }
  Result<ModelPtr> convert(CacheFolder& folder) {
    auto listing = MUST(origin_.list(ctx_));
    return convert_model(ctx_, origin_, listing, folder, {.connections = 5});
  }
  void expect_mounted_files(const CacheFolder& folder, const ArtifactIndex& model,
                            const std::map<std::string, std::string>& files) {
    MUST(check_attach(ctx_, folder, model));
    auto mount_point = scratch_.path() + "/mnt";
    MUST(os::ensure_folder(mount_point));
    MUST(mount_image(files_of(folder, model), mount_point, FileDirectIo::kRefused));
    for (const auto& [path, bytes] : files) {
      EXPECT_TRUE(MUST(os::read_text(mount_point + "/" + path, kGiB)) == bytes) << path;
    }
    auto folder_mode = MUST(os::stat_path(mount_point)).st_mode;
    EXPECT_EQ(folder_mode & 07777, 0755U);
    MUST(os::unmount(mount_point));
  }
  std::size_t entries(const std::string& name) { return MUST(os::list_folder(folder_->path() + "/" + name)).size(); }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(60));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-model-"));
  FakeModelOrigin origin_;
  std::unique_ptr<CacheFolder> folder_ = open_cache(scratch_.path() + "/cache");
  std::unique_ptr<store::FolderStore> store_ = MUST(store::FolderStore::open(scratch_.path() + "/store"));
};

TEST_F(ModelConverterTest, a_mounted_model_has_every_byte_of_its_origin) {
  auto model = MUST(convert());
  MUST(verify_artifact(ctx_, *folder_, *model));
  expect_mounted_files(*folder_, *model, origin_.files());
  EXPECT_EQ(entries("tmp"), 0U);
  EXPECT_EQ(folder_->images().size(), 0U);
}

TEST_F(ModelConverterTest, a_model_that_is_here_is_not_downloaded_again) {
  auto model = MUST(convert());
  auto before = origin_.bytes_read();
  EXPECT_EQ(MUST(convert()), model);
  EXPECT_EQ(origin_.bytes_read(), before);
  MUST(os::remove_file(folder_->blob_path(model->blobs()[*model->model().data_blob].id)));
  MUST(verify_artifact(ctx_, *folder_, *MUST(convert())));
}

TEST_F(ModelConverterTest, the_same_files_give_the_same_blobs_however_they_come) {
  auto model = MUST(convert());
  auto other = open_cache(scratch_.path() + "/other");
  auto listing = MUST(origin_.list(ctx_));
  for (auto& file : listing.files) file.ranged = false;
  auto again = MUST(convert_model(ctx_, origin_, listing, *other, {.connections = 2}));
  EXPECT_EQ(again->contents(), model->contents());
}

TEST_F(ModelConverterTest, a_byte_flipped_at_the_origin_is_refused_by_its_md5) {
  origin_.flip_bit("weights/model-1.safetensors", 30 * kMiB);
  auto model = convert();
  ASSERT_TRUE(model.failed_with(Code::kDataLoss)) << model.error().message();
  EXPECT_NE(model.error().message().find("MD5"), std::string::npos) << model.error().message();
  EXPECT_NE(model.error().message().find("weights/model-1.safetensors"), std::string::npos);
  EXPECT_EQ(entries("models"), 0U);
  MUST(folder_->collect({}));
  EXPECT_EQ(entries("blobs"), 0U);
}

TEST_F(ModelConverterTest, a_stated_sha256_is_checked_too) {
  auto listing = MUST(origin_.list(ctx_));
  for (auto& file : listing.files) file.sha256 = codec::sha256(as_bytes(origin_.files().at(file.path))).hex();
  MUST(convert_model(ctx_, origin_, listing, *folder_));
  listing.identity = std::string(64, 'a');
  listing.files[0].sha256 = std::string(64, 'b');
  auto model = convert_model(ctx_, origin_, listing, *folder_);
  ASSERT_TRUE(model.failed_with(Code::kDataLoss));
  EXPECT_NE(model.error().message().find("SHA-256"), std::string::npos);
}

TEST_F(ModelConverterTest, a_model_goes_by_way_of_the_store_to_another_instance) {
  auto model = MUST(convert());
  auto publisher = MUST(Publisher::create(ctx_, *store_, sample_key()));
  MUST(publisher->publish_artifact(ctx_, *folder_, model->contents()));
  auto elsewhere = open_cache(scratch_.path() + "/elsewhere");
  auto published = MUST(read_store_artifact(ctx_, *store_, sample_key(), model->name()));
  MUST(verify_store_artifact(ctx_, *store_, sample_key(), *published));
  MUST(fetch_artifact(ctx_, *store_, *published, *elsewhere));
  auto fetched = elsewhere->find(model->name());
  ASSERT_NE(fetched, nullptr);
  expect_mounted_files(*elsewhere, *fetched, origin_.files());

  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch_.path() + "/store/packs")) {
    if (entry.is_regular_file()) flip_bit(entry.path(), 5);
  }
  auto third = open_cache(scratch_.path() + "/third");
  EXPECT_TRUE(fetch_artifact(ctx_, *store_, *published, *third).failed_with(Code::kDataLoss));
  EXPECT_EQ(third->find(model->name()), nullptr);
}

TEST_F(ModelConverterTest, a_byte_flipped_in_the_cache_is_found) {
  auto model = MUST(convert());
  flip_bit(folder_->blob_path(model->blobs()[*model->model().data_blob].id), 20 * kMiB);
  auto verified = verify_artifact(ctx_, *folder_, *model);
  ASSERT_TRUE(verified.failed_with(Code::kDataLoss));
  EXPECT_NE(verified.error().message().find("frame 20"), std::string::npos) << verified.error().message();
  flip_bit(folder_->blob_path(model->metadata_blob().id), 2000);
  EXPECT_TRUE(check_attach(ctx_, *folder_, *model).failed_with(Code::kDataLoss));
  flip_bit(folder_->artifact_path(model->name()) + "/index", 30);
  MUST(folder_->refresh());
  EXPECT_EQ(folder_->find(model->name()), nullptr);
  ASSERT_EQ(folder_->broken().size(), 1U);
}

TEST_F(ModelConverterTest, an_archive_is_unpacked) {
  FakeModelOrigin archive;
  archive.set_form(origin::ModelForm::kTar);
  archive.add("model.tar", one_file_layer("code/inference.py", noise(4, 70'000)));
  auto model = MUST(convert_model(ctx_, archive, MUST(archive.list(ctx_)), *folder_));
  EXPECT_EQ(model->model().form, ModelForm::kTar);
  expect_mounted_files(*folder_, *model, {{"code/inference.py", noise(4, 70'000)}});
}

TEST_F(ModelConverterTest, a_byte_flipped_in_an_archive_is_refused) {
  FakeModelOrigin archive;
  archive.set_form(origin::ModelForm::kTar);
  archive.add("model.tar", one_file_layer("code/inference.py", noise(4, 70'000)));
  archive.flip_bit("model.tar", 5000);
  auto model = convert_model(ctx_, archive, MUST(archive.list(ctx_)), *folder_);
  ASSERT_TRUE(model.failed_with(Code::kDataLoss));
  EXPECT_NE(model.error().message().find("MD5"), std::string::npos) << model.error().message();
  EXPECT_EQ(entries("models"), 0U);
}

TEST_F(ModelConverterTest, a_model_comes_from_s3_with_every_byte_right) {
  auto s3 = origin::FakeS3::create();
  for (const auto& [path, bytes] : origin_.files()) s3->put("llm/" + path, {.bytes = bytes});
  auto s3_origin =
      MUST(origin::open_origin({.uri = "s3://models/llm/", .type = origin::ModelLocation::Type::kPrefix}, s3->access()));
  auto listing = MUST(s3_origin->list(ctx_));
  s3->fail_next({.break_after = 100'000});
  s3->fail_next({});
  auto model = MUST(convert_model(ctx_, *s3_origin, listing, *folder_));
  expect_mounted_files(*folder_, *model, origin_.files());
}

TEST_F(ModelConverterTest, bytes_that_do_not_have_the_md5_that_s3_states_are_refused) {
  auto s3 = origin::FakeS3::create();
  auto bytes = noise(5, 20 * kMiB);
  codec::Md5Hasher md5;
  md5.update(as_bytes(bytes));
  auto etag = "\"" + to_hex(md5.finish()) + "\"";
  bytes[18 * kMiB] = static_cast<char>(bytes[18 * kMiB] ^ 1);
  s3->put("llm/weights", {.bytes = bytes, .etag = etag});
  auto s3_origin =
      MUST(origin::open_origin({.uri = "s3://models/llm/", .type = origin::ModelLocation::Type::kPrefix}, s3->access()));
  auto model = convert_model(ctx_, *s3_origin, MUST(s3_origin->list(ctx_)), *folder_);
  ASSERT_TRUE(model.failed_with(Code::kDataLoss));
  EXPECT_NE(model.error().message().find("MD5"), std::string::npos) << model.error().message();
  EXPECT_EQ(entries("models"), 0U);
}

TEST_F(ModelConverterTest, room_is_asked_for_before_the_first_byte_comes) {
  auto listing = MUST(origin_.list(ctx_));
  std::uint64_t asked = 0;
  auto refuse = [&](std::uint64_t bytes) -> Result<void> {
    asked = bytes;
    return make_error(Code::kResourceExhausted, "no room");
  };
  EXPECT_TRUE(convert_model(ctx_, origin_, listing, *folder_, {.make_room = refuse}).failed_with(Code::kResourceExhausted));
  EXPECT_GT(asked, 43 * kMiB);
  EXPECT_EQ(origin_.bytes_read(), 0U);
}

TEST_F(ModelConverterTest, a_volume_is_completed_with_what_the_store_has_and_no_more) {
  auto volume = scratch_.path() + "/volume";
  auto image = make_sample(1);
  publish_sample(*folder_, image);
  auto publisher = MUST(Publisher::create(ctx_, *store_, sample_key()));
  MUST(publisher->publish_artifact(ctx_, *folder_, image.contents));
  auto first = MUST(complete_volume(ctx_, *store_, sample_key(), volume));
  EXPECT_EQ(first.added, 1U);

  auto model = MUST(convert());
  MUST(publisher->publish_artifact(ctx_, *folder_, model->contents()));
  auto second = MUST(complete_volume(ctx_, *store_, sample_key(), volume));
  EXPECT_EQ(second.added, 1U);
  EXPECT_EQ(second.present, 1U);
  auto third = MUST(complete_volume(ctx_, *store_, sample_key(), volume));
  EXPECT_EQ(third.added, 0U);
  EXPECT_EQ(third.present, 2U);

  auto reader = open_cache(volume, Access::kRead);
  for (const auto& one : reader->artifacts()) MUST(verify_artifact(ctx_, *reader, *one));
  expect_mounted_files(*reader, *reader->find(model->name()), origin_.files());
  EXPECT_EQ(MUST(os::list_folder(volume + "/tmp")).size(), 0U);

  MUST(os::remove_file(reader->blob_path(model->metadata_blob().id)));
  EXPECT_EQ(MUST(complete_volume(ctx_, *store_, sample_key(), volume)).added, 1U);
}

}  // namespace
}  // namespace zeropull::artifact

int main(int argc, char** argv) {
  if (auto code = zeropull::artifact::run_as_layer_worker(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
