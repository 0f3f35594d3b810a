#include "oci/layout.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/digest.h"
#include "oci/image_source_conformance.h"
#include "os/file.h"

namespace zeropull::oci {
namespace {

class LayoutTest : public testing::Test {
 protected:
  LayoutTest() {
    write("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    const auto layers = conformance_layers();
    const auto config = config_json(layers, {"linux", "amd64"});
    for (const auto& layer : layers) write_blob(layer);
    write_blob(config);
    manifest_ = manifest_json(config, layers);
    write_blob(manifest_);
    write_index({"v1"});
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string blob_path(const std::string& bytes) const { return path("blobs/sha256/" + codec::sha256(as_bytes(bytes)).hex()); }
  void write(const std::string& name, std::string_view bytes) { MUST(os::replace_file(path(name), as_bytes(bytes))); }
  void write_blob(const std::string& bytes) {
    MUST(os::ensure_folder(path("blobs/sha256")));
    MUST(os::replace_file(blob_path(bytes), as_bytes(bytes)));
  }
  void write_index(const std::vector<std::string>& tags) {
    std::string list;
    for (const auto& tag : tags) {
      list += fmt::format(R"({}{{"mediaType":"{}","digest":"sha256:{}","size":{},)"
                          R"("annotations":{{"org.opencontainers.image.ref.name":"{}"}}}})",
                          list.empty() ? "" : ",", kOciManifest, codec::sha256(as_bytes(manifest_)).hex(), manifest_.size(), tag);
    }
    write("index.json", R"({"schemaVersion":2,"manifests":[)" + list + "]}");
  }
  Result<std::unique_ptr<ImageSource>> open(const std::string& tag = {}) { return LayoutSource::create({folder_.path(), tag}); }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  std::string manifest_;
};

TEST_F(LayoutTest, conforms) {
  auto source = MUST(open("v1"));
  check_image_source(*source);
}

TEST_F(LayoutTest, needs_a_tag_only_where_there_is_a_choice) {
  EXPECT_TRUE(open().ok());
  write_index({"v1", "host/name:v2"});
  EXPECT_TRUE(open("v2").ok());
  auto unclear = open();
  ASSERT_TRUE(unclear.failed_with(Code::kInvalidArgument));
  EXPECT_NE(unclear.error().message().find("v1, host/name:v2"), std::string::npos);
  EXPECT_TRUE(open("v3").failed_with(Code::kNotFound));
  write_index({"v1", "v1"});
  EXPECT_TRUE(open("v1").failed_with(Code::kInvalidArgument));
}

TEST_F(LayoutTest, refuses_folders_that_are_no_layout) {
  write("oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_TRUE(open().failed_with(Code::kUnimplemented));
  MUST(os::remove_file(path("oci-layout")));
  EXPECT_TRUE(open().failed_with(Code::kNotFound));
  EXPECT_TRUE(LayoutSource::create({"/does/not/exist", ""}).failed_with(Code::kNotFound));
}

TEST_F(LayoutTest, finds_changed_blobs) {
  auto source = MUST(open());
  auto bytes = conformance_layers()[1];
  const auto digest = codec::sha256(as_bytes(bytes));
  const auto file = blob_path(bytes);
  bytes[kMiB] ^= 1;
  MUST(os::replace_file(file, as_bytes(bytes)));
  EXPECT_TRUE(fetch_small_blob(ctx_, *source, digest, bytes.size()).failed_with(Code::kDataLoss));
  MUST(os::replace_file(blob_path(manifest_), as_bytes(manifest_ + " ")));
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).failed_with(Code::kDataLoss));
}

TEST_F(LayoutTest, opens_nothing_outside_its_folder_and_no_fifo) {
  auto source = MUST(open());
  const std::string bytes = conformance_layers()[0];
  const auto file = blob_path(bytes);
  MUST(os::remove_file(file));
  auto outside = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  MUST(os::replace_file(outside.path() + "/blob", as_bytes(bytes)));
  ASSERT_EQ(::symlink((outside.path() + "/blob").c_str(), file.c_str()), 0);
  EXPECT_FALSE(fetch_small_blob(ctx_, *source, codec::sha256(as_bytes(bytes)), bytes.size()).ok());
  MUST(os::remove_file(file));
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(fetch_small_blob(ctx_, *source, codec::sha256(as_bytes(bytes)), bytes.size()).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::oci
