// Conversions from a registry in memory. The program is its own layer worker, as zeropull is.
#include "artifact/converter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "artifact/sample_image.h"
#include "artifact/sample_layer.h"
#include "artifact/verify.h"
#include "codec/digest.h"
#include "oci/fake_registry.h"
#include "oci/registry.h"
#include "os/file.h"

namespace zeropull::artifact {
namespace {

Sha256 sha256_of(const std::string& bytes) { return codec::sha256(as_bytes(bytes)); }

std::string noise(char seed) {
  std::string data(64 * kKiB, seed);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(data[i] + static_cast<char>(i * i >> 3));
  return data;
}

class ConverterTest : public testing::Test {
 protected:
  Result<ImagePtr> convert(const std::string& tag, const std::string& reference = {}, std::vector<std::string> mirrors = {}) {
    oci::RegistryOptions options{.plain = http::Plain::kAllowed, .mirrors = std::move(mirrors)};
    options.auth_file = scratch_.path() + "/config.json";
    auto source = MUST(oci::RegistrySource::create(registry_.reference(tag), std::move(options)));
    return convert_image(ctx_, *source, *folder_,
                         {.reference = reference, .platform = {"linux", "amd64"}, .jobs = 6, .memory = memory_});
  }
  std::size_t entries(const std::string& name) { return MUST(os::list_folder(folder_->path() + "/" + name)).size(); }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(60));
  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/var/tmp", "zp-converter-"));
  oci::FakeRegistry registry_;
  std::shared_ptr<MemoryBudget> memory_ = std::make_shared<MemoryBudget>(kConvertMemoryMax);
  std::unique_ptr<CacheFolder> folder_ = open_cache(scratch_.path() + "/cache");

 private:
  void SetUp() override { MUST(os::create_file(scratch_.path() + "/config.json", as_bytes("{}"))); }
};

TEST_F(ConverterTest, an_image_is_published_with_every_byte_right) {
  registry_.add_image({one_file_layer("a", noise(1)), one_file_layer("b", noise(2))});
  auto image = MUST(convert("latest", "registry.example.com/a:1"));
  EXPECT_EQ(image->image().layers.size(), 2U);
  MUST(verify_artifact(ctx_, *folder_, *image));
  EXPECT_EQ(folder_->find_reference("registry.example.com/a:1"), image);
  EXPECT_EQ(entries("tmp"), 0U);
}

TEST_F(ConverterTest, layers_and_images_that_are_here_are_not_fetched_again) {
  auto base = one_file_layer("base", noise(1));
  registry_.add_image({base, one_file_layer("b", noise(2))}, "one");
  registry_.add_image({base, one_file_layer("c", noise(3))}, "two");
  MUST(convert("one"));
  auto before = registry_.count("/blobs/");
  MUST(convert("two"));
  EXPECT_EQ(registry_.count("/blobs/"), before + 2);  // the configuration and one layer
  MUST(convert("one", "registry.example.com/a:1"));
  EXPECT_EQ(registry_.count("/blobs/"), before + 3);  // the configuration
  EXPECT_NE(folder_->find_reference("registry.example.com/a:1"), nullptr);
}

TEST_F(ConverterTest, a_blob_that_was_lost_is_brought_back) {
  registry_.add_image({one_file_layer("a", noise(1))});
  auto image = MUST(convert("latest"));
  MUST(os::remove_file(folder_->blob_path(image->blobs()[*image->image().layers[0].data_blob].id)));
  MUST(verify_artifact(ctx_, *folder_, *MUST(convert("latest"))));
}

TEST_F(ConverterTest, wrong_bytes_publish_nothing_and_leave_what_a_collection_takes) {
  registry_.add_image({one_file_layer("a", noise(1)), one_file_layer("b", noise(2))});
  registry_.script(
      {.kind = oci::Fault::Kind::kWrongBytes, .where = "blobs/" + LayerDigest{sha256_of(one_file_layer("b", noise(2)))}.text()});
  auto image = convert("latest");
  ASSERT_TRUE(image.failed_with(Code::kDataLoss)) << image.error().message();
  EXPECT_EQ(entries("images"), 0U);
  MUST(folder_->collect({}));
  EXPECT_EQ(entries("blobs"), 0U);
  EXPECT_EQ(entries("tmp"), 0U);
}

TEST_F(ConverterTest, layers_at_once_are_as_many_as_memory_allows) {
  memory_ = std::make_shared<MemoryBudget>(2 * kLayerMemory + kLayerMemory / 2);
  std::vector<std::string> layers;
  layers.reserve(6);
  for (char i = 0; i < 6; ++i) layers.push_back(one_file_layer({'f', i}, noise(i)));
  registry_.add_image(layers);
  MUST(verify_artifact(ctx_, *folder_, *MUST(convert("latest"))));
  EXPECT_EQ(memory_->peak(), 2 * kLayerMemory);
}

// One zstd frame of one raw block, that asks for a window of 2^log bytes.
std::string zstd_of(const std::string& bytes, int log) {
  const auto block = bytes.size() << 3 | 1;
  std::string frame("\x28\xb5\x2f\xfd\0", 5);
  frame += static_cast<char>((log - 10) << 3);
  for (int shift : {0, 8, 16}) frame += static_cast<char>(block >> shift & 0xff);
  return frame + bytes;
}

TEST_F(ConverterTest, a_layer_of_a_large_window_waits_for_the_memory_that_it_takes) {
  const auto tar = one_file_layer("a", noise(1));
  for (const auto& [log, memory] : {std::pair(kZstdWindowLogUsual, kLayerMemory), std::pair(27, kConvertMemoryMax)}) {
    memory_ = std::make_shared<MemoryBudget>(kConvertMemoryMax);
    const auto config = oci::config_json({tar}, {"linux", "amd64"});
    const auto layer = zstd_of(tar, log);
    registry_.add_blob(config);
    registry_.add_blob(layer);
    registry_.add_manifest(oci::manifest_json(config, {layer}), oci::kOciManifest, "zstd");
    auto image = MUST(convert("zstd"));
    MUST(verify_artifact(ctx_, *folder_, *image));
    EXPECT_EQ(memory_->peak(), memory);
    MUST(folder_->remove_artifact(image->image().manifest_digest));
    MUST(folder_->collect({}));
  }
}

TEST_F(ConverterTest, a_mirrors_wrong_bytes_cost_a_second_fetch_and_nothing_else) {
  oci::FakeRegistry mirror;
  const auto layer = one_file_layer("a", noise(1)) + std::string(kMiB, '\0');
  for (auto* registry : {&mirror, &registry_}) registry->add_image({layer});
  // In the first header, so that the child refuses the layer long before its digest is known.
  mirror.script(
      {.kind = oci::Fault::Kind::kWrongBytes, .where = LayerDigest{sha256_of(layer)}.text(), .bytes = layer.size() - 20});
  MUST(verify_artifact(ctx_, *folder_, *MUST(convert("latest", {}, {mirror.host()}))));
  EXPECT_EQ(registry_.requests().size(), 1U) << "the layer alone";
  EXPECT_EQ(entries("tmp"), 0U);
}

TEST_F(ConverterTest, the_first_bad_layer_ends_the_conversion_while_another_stalls) {
  auto bad = one_file_layer("bad", noise(1));
  auto slow = one_file_layer("slow", noise(2) + noise(3));
  registry_.add_image({bad, slow});
  registry_.script({.kind = oci::Fault::Kind::kStall, .where = LayerDigest{sha256_of(slow)}.text(), .times = 100, .bytes = 512});
  registry_.script({.kind = oci::Fault::Kind::kHtml, .where = LayerDigest{sha256_of(bad)}.text()});
  auto began = std::chrono::steady_clock::now();
  auto image = convert("latest");
  ASSERT_FALSE(image.ok());
  EXPECT_NE(image.error().message().find("is this a registry?"), std::string::npos) << image.error().message();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));  // the stall alone takes 30
}

}  // namespace
}  // namespace zeropull::artifact

int main(int argc, char** argv) {
  if (auto code = zeropull::artifact::run_as_layer_worker(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
