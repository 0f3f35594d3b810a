#include "oci/manifest.h"

#include <gtest/gtest.h>

#include "codec/digest.h"
#include "oci/fake_registry.h"
#include "oci/limits.h"

namespace zeropull::oci {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string manifest(const std::string& fields) {
  return R"({"schemaVersion":2,)" + fields + R"("config":{"digest":")" + kA + R"(","size":7},"layers":[{"digest":")" + kB +
         R"(","size":9,"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}]})";
}
std::string layer_with(const std::string& layer) {
  return R"({"schemaVersion":2,"config":{"digest":")" + kA + R"(","size":7},"layers":[)" + layer + "]}";
}

void expect_refused(const std::string& text, std::string_view media_type, std::string_view part) {
  auto result = parse_manifest(text, media_type);
  ASSERT_TRUE(result.failed_with(Code::kInvalidArgument)) << text;
  EXPECT_NE(result.error().message().find(part), std::string::npos) << result.error().message();
}

TEST(Manifest, reads_oci_and_docker_manifests_by_any_media_type_that_fits) {
  for (const auto& [fields, served] :
       std::vector<std::pair<std::string, std::string_view>>{{"", kOciManifest},
                                                             {"", kDockerManifest},
                                                             {"", ""},
                                                             {R"("mediaType":"application/vnd.oci.image.manifest.v1+json",)", ""},
                                                             {"", "application/json"}}) {
    auto parsed = MUST(parse_manifest(manifest(fields), served));
    const auto& got = std::get<Manifest>(parsed);
    EXPECT_EQ(got.config.text(), kA);
    EXPECT_EQ(got.config_size, 7u);
    ASSERT_EQ(got.layers.size(), 1u);
    EXPECT_EQ(got.layers[0].digest.text(), kB);
    EXPECT_EQ(got.layers[0].size, 9u);
    EXPECT_EQ(got.layers[0].codec, CodecHint::kGzip);
    EXPECT_EQ(got.digest.value, codec::sha256(as_bytes(manifest(fields))));
    EXPECT_EQ(got.raw, manifest(fields));
  }
}

TEST(Manifest, refuses_documents_of_two_minds) {
  expect_refused(manifest(R"("manifests":[],)"), kOciManifest, "as an index and as a manifest");
  expect_refused(manifest(R"("mediaType":"application/vnd.oci.image.index.v1+json",)"), "", "other fields");
  expect_refused(manifest(R"("mediaType":"application/vnd.oci.image.manifest.v1+json",)"), kOciIndex, "was served as");
  expect_refused(manifest(R"("mediaType":"text/plain",)"), "", "no image manifest");
  expect_refused(R"({"schemaVersion":2})", kOciManifest, "neither");
  expect_refused(R"({"schemaVersion":1,"layers":[]})", "", "only version 2");
}

TEST(Manifest, refuses_bad_digests_sizes_and_counts) {
  expect_refused(layer_with(R"({"digest":"sha256:AA","size":1})"), "", "layers/0: digest");
  expect_refused(layer_with(R"({"digest":"sha512:)" + std::string(128, 'a') + R"(","size":1})"), "", "layers/0: digest");
  expect_refused(layer_with(R"({"digest":")" + kB + R"("})"), "", "layers/0");
  expect_refused(layer_with(R"({"digest":")" + kB + R"(","size":-1})"), "", "size");
  expect_refused(layer_with(R"({"digest":")" + kB + R"(","size":1.5})"), "", "size");
  expect_refused(layer_with(R"({"digest":")" + kB + R"(","size":9223372036854775807})"), "", "size");
  std::string many;
  for (std::size_t i = 0; i <= kLayersMax; ++i) many += (i ? "," : "") + (R"({"digest":")" + kB + R"(","size":1})");
  expect_refused(layer_with(many), "", "at most 512");
  expect_refused(std::string(kManifestSizeMax + 1, ' '), "", "");
  expect_refused("[]", "", "");
  expect_refused("{", "", "");
}

TEST(Manifest, unknown_layer_types_are_told_by_their_bytes) {
  EXPECT_EQ(codec_hint("application/vnd.oci.image.layer.v1.tar+zstd"), CodecHint::kZstd);
  EXPECT_EQ(codec_hint("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"), CodecHint::kGzip);
  EXPECT_EQ(codec_hint("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), CodecHint::kGzip);
  EXPECT_EQ(codec_hint("application/vnd.oci.image.layer.v1.tar"), CodecHint::kNone);
  EXPECT_EQ(codec_hint("application/octet-stream"), CodecHint::kByMagic);
  EXPECT_EQ(codec_hint(""), CodecHint::kByMagic);
}

IndexEntry entry(const char* platform, char digit) {
  IndexEntry out;
  out.digest = *ManifestDigest::parse("sha256:" + std::string(64, digit));
  if (*platform != '\0') out.platform = MUST(parse_platform(platform));
  return out;
}

std::string chosen(const Index& index, const char* platform) {
  auto got = select_platform(index, MUST(parse_platform(platform)));
  return got.ok() ? got->digest.hex().substr(0, 1) : std::string(code_name(got.error().code()));
}

TEST(Platform, chooses_as_containerd_does) {
  const Index index{{entry("unknown/unknown", '0'), entry("linux/amd64", '1'), entry("linux/arm/v6", '2'),
                     entry("linux/arm/v7", '3'), entry("linux/arm64/v8", '4'), entry("linux/amd64", '5'), entry("", '6')}};
  EXPECT_EQ(chosen(index, "linux/amd64"), "1");
  EXPECT_EQ(chosen(index, "linux/x86_64"), "1");
  EXPECT_EQ(chosen(index, "linux/arm64"), "4");
  EXPECT_EQ(chosen(index, "linux/arm"), "3");
  EXPECT_EQ(chosen(index, "linux/arm/v8"), "3");
  EXPECT_EQ(chosen(index, "linux/arm/v6"), "2");
  EXPECT_EQ(chosen(index, "linux/arm/v5"), "not_found");
  EXPECT_EQ(chosen(index, "windows/amd64"), "not_found");
  auto missing = select_platform(index, {"linux", "s390x"});
  EXPECT_EQ(missing.error().message(),
            "no image for linux/s390x; there is linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64, linux/amd64");
}

TEST(Platform, reads_os_slash_architecture) {
  EXPECT_EQ(MUST(parse_platform("linux/aarch64")).text(), "linux/arm64");
  EXPECT_EQ(MUST(parse_platform("Linux/ARM/7")).text(), "linux/arm/v7");
  for (const char* text : {"", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64"})
    EXPECT_TRUE(parse_platform(text).failed_with(Code::kInvalidArgument)) << text;
  EXPECT_FALSE(host_platform().architecture.empty());
}

TEST(Index, reads_platforms_and_annotations) {
  auto parsed = MUST(parse_manifest(R"({"schemaVersion":2,"manifests":[{"digest":")" + kA +
                                        R"(","size":5,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},)"
                                        R"("annotations":{"a":"b"}},{"digest":")" +
                                        kB + R"(","size":6}]})",
                                    kDockerList));
  const auto& index = std::get<Index>(parsed);
  ASSERT_EQ(index.entries.size(), 2u);
  EXPECT_EQ(index.entries[0].platform.text(), "linux/arm64");
  EXPECT_EQ(index.entries[0].annotations.at("a"), "b");
  EXPECT_TRUE(index.entries[1].platform.os.empty());
}

TEST(ImageConfig, keeps_its_bytes_and_gives_the_chain) {
  const auto raw = config_json({"one", "two"}, {"linux", "amd64"});
  const auto config = MUST(parse_config(raw));
  EXPECT_EQ(config.raw, raw);
  EXPECT_EQ(config.digest.value, codec::sha256(as_bytes(raw)));
  const auto chain = chain_ids(config.diff_ids);
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(chain[0].text(), config.diff_ids[0].text());
  EXPECT_EQ(chain[1].value, codec::sha256(as_bytes(config.diff_ids[0].text() + " " + config.diff_ids[1].text())));
  EXPECT_TRUE(parse_config("{}").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(
      parse_config(R"({"os":"linux","architecture":"amd64","rootfs":{"type":"other"}})").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(parse_config(R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["x"]}})")
                  .failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::oci
