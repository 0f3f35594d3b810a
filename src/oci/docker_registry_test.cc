// Against Debian's docker-registry: what we read from our own fake, a real registry serves too.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "codec/digest.h"
#include "http/client.h"
#include "oci/image_source_conformance.h"
#include "oci/registry.h"
#include "os/file.h"
#include "os/process.h"

namespace zeropull::oci {
namespace {

using std::chrono::seconds;

// A port that was free a moment ago: docker-registry cannot choose one itself and tell.
std::uint16_t free_port() {
  os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

class DockerRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    host_ = fmt::format("127.0.0.1:{}", free_port());
    const auto config = folder_.path() + "/config.yml";
    MUST(os::replace_file(config,
                          as_bytes(fmt::format("version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: "
                                               "{}/data}}}}\nhttp: {{addr: \"{}\"}}\n",
                                               folder_.path(), host_))));
    auto log = MUST(os::open_file(folder_.path() + "/log", O_WRONLY | O_CREAT));
    os::SpawnOptions spawn;
    spawn.argv = {"docker-registry", "serve", config};
    spawn.descriptors = {{1, log.get()}, {2, log.get()}};
    auto child = os::Child::spawn(spawn);
    if (child.failed_with(Code::kNotFound)) GTEST_SKIP() << "docker-registry is not installed";
    registry_.emplace(MUST(std::move(child)));
    for (;;) {
      auto answer = http_->request(ctx_, {.url = url("/v2/")});
      if (answer.ok()) return;
      ASSERT_TRUE(ctx_.sleep(std::chrono::milliseconds(20)).ok()) << MUST(os::read_text(folder_.path() + "/log", kMiB));
    }
  }

  http::Url url(const std::string& path) const { return MUST(http::Url::parse("http://" + host_ + path)); }

  void push_blob(const std::string& bytes) {
    auto start = MUST(http_->request(ctx_, {.method = "POST", .url = url("/v2/team/image/blobs/uploads/")}));
    ASSERT_EQ(start.status, 202);
    const auto place = MUST(start.url.join(*start.headers.find("Location")));
    const auto target = place.with_path(place.path(), place.query() + "&digest=sha256%3A" + codec::sha256(as_bytes(bytes)).hex());
    http::Request put{
        .method = "PUT", .url = target, .headers = {{"Content-Type", "application/octet-stream"}}, .body = as_bytes(bytes)};
    EXPECT_EQ(MUST(http_->request(ctx_, put)).status, 201);
  }

  Context ctx_ = Context::root("test", {}, seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  std::unique_ptr<http::HttpClient> http_ = MUST(http::HttpClient::create({.plain = http::Plain::kAllowed}));
  std::string host_;
  std::optional<os::Child> registry_;
};

TEST_F(DockerRegistryTest, conforms) {
  const auto layers = conformance_layers();
  const auto config = config_json(layers, {"linux", "amd64"});
  for (const auto& layer : layers) push_blob(layer);
  push_blob(config);
  const auto manifest = manifest_json(config, layers);
  http::Request put{.method = "PUT",
                    .url = url("/v2/team/image/manifests/v1"),
                    .headers = {{"Content-Type", std::string(kOciManifest)}},
                    .body = as_bytes(manifest)};
  ASSERT_EQ(MUST(http_->request(ctx_, put)).status, 201);

  MUST(os::replace_file(folder_.path() + "/none.json", as_bytes("{}")));
  RegistryOptions options;
  options.plain = http::Plain::kAllowed;
  options.auth_file = folder_.path() + "/none.json";
  auto source = MUST(open_image_source(MUST(parse_reference("docker://" + host_ + "/team/image:v1")), options));
  check_image_source(*source);
  const auto digest = codec::sha256(as_bytes(manifest)).hex();
  auto pinned = MUST(open_image_source(MUST(parse_reference("docker://" + host_ + "/team/image@sha256:" + digest)), options));
  EXPECT_EQ(MUST(resolve_image(ctx_, *pinned, {"linux", "amd64"})).manifest.raw, manifest);
}

}  // namespace
}  // namespace zeropull::oci
