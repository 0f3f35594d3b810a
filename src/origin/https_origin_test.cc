#include "origin/https_origin.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/guarded.h"
#include "http/server.h"
#include "http/test_authority.h"
#include "origin/fake_s3.h"
#include "os/file.h"

namespace zeropull::origin {
namespace {

using Type = ModelLocation::Type;

// One file on an https server that knows ranges, or not, and versions, or not.
class HttpsOriginTest : public testing::Test {
 protected:
  struct Behaviour {
    bool ranges = true;
    http::Headers headers = {{"ETag", "\"v1\""}};
    std::string bytes = pattern_bytes(1 << 20);
    int breaks = 0;  // so many answers end in their middle
    std::string location = {};
  };

  HttpsOriginTest() {
    const auto certificate = MUST(authority_.issue("localhost", {"DNS:localhost"}));
    server_ =
        MUST(http::HttpServer::create({.certificate_file = certificate.certificate_file, .key_file = certificate.key_file},
                                      [this](const Context&, const http::ServerRequest& request) { return answer(request); }));
  }

  http::ServerResponse answer(const http::ServerRequest& request) {
    auto now = behaviour_.lock();
    if (request.method != "GET") return {.status = 403};  // as presigned URLs do
    if (!now->location.empty() && request.path == "/m/away") return {.status = 302, .headers = {{"Location", now->location}}};
    auto asked = request;
    if (!now->ranges) asked.headers.remove("Range");
    const bool broken = now->breaks > 0 && asked.headers.find_or("Range", "") != "bytes=0-0";
    if (broken) --now->breaks;
    auto response = http::respond_with_range(asked, now->bytes.size(), [&](http::ByteRange range) -> Result<http::ServerBody> {
      return http::ServerBody(http::Generated{range.length,
                                              [bytes = now->bytes.substr(range.offset, range.length), broken,
                                               at = std::size_t{0}](MutableByteView room) mutable -> Result<std::size_t> {
                                                const auto good = broken ? bytes.size() / 2 : bytes.size();
                                                const auto count = std::min(room.size(), good - at);
                                                std::ranges::copy(as_bytes(std::string_view(bytes).substr(at, count)),
                                                                  room.begin());
                                                at += count;
                                                return count;
                                              }});
    });
    for (const auto& [name, value] : now->headers) response.headers.set(name, value);
    return response;
  }

  OriginAccess access() const {
    OriginAccess out;
    out.ca_file = authority_.ca_file();
    out.guard = http::AddressGuard({.denied = {}, .allowed = {MUST(http::IpNetwork::parse("127.0.0.1"))}});
    out.retry.sleep = [](const Context&, Duration) -> Result<void> { return {}; };
    return out;
  }
  std::string url(const std::string& path) const { return fmt::format("https://localhost:{}{}", server_->port(), path); }
  std::unique_ptr<ModelOrigin> open(const std::string& path = "/m/model%20a.bin?sig=x") {
    return MUST(open_origin({.uri = url(path)}, access()));
  }
  Result<std::string> read(ModelOrigin& origin, const ModelFile& file, std::uint64_t offset, std::uint64_t length) {
    std::string out;
    TRY(origin.read(ctx_, file, offset, length, [&](ByteView bytes) -> Result<void> {
      out += as_text(bytes);
      return {};
    }));
    return out;
  }

  const os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-https-origin-"));
  const http::TestAuthority authority_ = MUST(http::TestAuthority::create(folder_.path()));
  Guarded<Behaviour> behaviour_;
  std::unique_ptr<http::HttpServer> server_;
  const Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
};

TEST_F(HttpsOriginTest, a_url_is_one_file_named_by_its_last_part) {
  auto origin = open();
  const auto listing = MUST(origin->list(ctx_));
  const auto& file = listing.files.at(0);
  EXPECT_EQ(file.path, "model a.bin");
  EXPECT_EQ(file.size, std::uint64_t{1} << 20);
  EXPECT_EQ(file.etag, "\"v1\"");
  EXPECT_TRUE(file.ranged);
  const auto bytes = behaviour_.lock()->bytes;
  EXPECT_TRUE(MUST(read(*origin, file, 0, file.size)) == bytes);
  behaviour_.lock()->breaks = 3;
  EXPECT_TRUE(MUST(read(*origin, file, 12345, 70000)) == bytes.substr(12345, 70000));
}

TEST_F(HttpsOriginTest, servers_without_ranges_are_read_from_the_beginning) {
  behaviour_.lock()->ranges = false;
  auto origin = open();
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  EXPECT_FALSE(file.ranged);
  behaviour_.lock()->breaks = 2;
  const auto bytes = behaviour_.lock()->bytes;
  EXPECT_TRUE(MUST(read(*origin, file, 0, file.size)) == bytes);
  EXPECT_TRUE(MUST(read(*origin, file, 0, 1000)) == bytes.substr(0, 1000));
  EXPECT_TRUE(read(*origin, file, 1, 1).failed_with(Code::kFailedPrecondition));
}

TEST_F(HttpsOriginTest, a_server_that_forgets_ranges_or_its_size_is_not_believed) {
  auto origin = open();
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  behaviour_.lock()->ranges = false;
  EXPECT_TRUE(read(*origin, file, 1000, 10).failed_with(Code::kFailedPrecondition));
  behaviour_.lock()->bytes.pop_back();
  EXPECT_TRUE(read(*origin, file, 0, 10).failed_with(Code::kDataLoss));
  behaviour_.lock()->ranges = true;
  EXPECT_TRUE(read(*origin, file, 0, 10).failed_with(Code::kDataLoss));
}

TEST_F(HttpsOriginTest, the_version_is_a_strong_etag_or_a_date) {
  auto origin = open();
  auto file = MUST(origin->list(ctx_)).files.at(0);
  behaviour_.lock()->headers = {{"ETag", "\"v2\""}};
  EXPECT_TRUE(read(*origin, file, 0, 10).failed_with(Code::kAborted));
  behaviour_.lock()->headers = {{"ETag", "W/\"v2\""}, {"Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT"}};
  file = MUST(origin->list(ctx_)).files.at(0);
  EXPECT_EQ(file.etag, "Wed, 21 Oct 2026 07:28:00 GMT");
  EXPECT_TRUE(read(*origin, file, 0, 10).ok());
  behaviour_.lock()->headers.set("Last-Modified", "Wed, 21 Oct 2026 07:28:01 GMT");
  EXPECT_TRUE(read(*origin, file, 0, 10).failed_with(Code::kAborted));
  behaviour_.lock()->headers = {};
  EXPECT_EQ(MUST(origin->list(ctx_)).files.at(0).etag, "");
}

TEST_F(HttpsOriginTest, an_empty_file_is_one) {
  behaviour_.lock()->bytes.clear();
  auto origin = open();
  const auto file = MUST(origin->list(ctx_)).files.at(0);
  EXPECT_EQ(file.size, 0u);
  EXPECT_EQ(MUST(read(*origin, file, 0, 0)), "");
}

TEST_F(HttpsOriginTest, no_redirect_leads_to_plain_http_or_to_a_denied_address) {
  behaviour_.lock()->location = url("/m/real");
  EXPECT_TRUE(open("/m/away")->list(ctx_).ok());
  behaviour_.lock()->location = fmt::format("http://127.0.0.1:{}/", server_->port());
  EXPECT_TRUE(open("/m/away")->list(ctx_).failed_with(Code::kPermissionDenied));
  behaviour_.lock()->location = "https://169.254.169.254/latest/meta-data";
  const auto denied = open("/m/away")->list(ctx_);
  ASSERT_TRUE(denied.failed_with(Code::kPermissionDenied));
  EXPECT_NE(denied.error().message().find("169.254.169.254 is a link-local address"), std::string::npos);
}

TEST_F(HttpsOriginTest, no_address_is_reached_that_the_guard_denies) {
  auto guarded = access();
  guarded.guard = {};
  EXPECT_TRUE(MUST(open_origin({.uri = url("/m/x")}, guarded))->list(ctx_).failed_with(Code::kPermissionDenied));
  EXPECT_TRUE(MUST(open_origin({.uri = "http://127.0.0.2:1/x"}, access()))->list(ctx_).failed_with(Code::kPermissionDenied));
}

TEST_F(HttpsOriginTest, urls_are_parsed_strictly) {
  for (auto uri : {"https://", "https://host", "https://host/", "https://host/a/", "https://host/..", "https://host/a%2Fb",
                   "https://host/a%00b", "https://user@host/x", "https://host/x#y", "https://host/%zz"})
    EXPECT_TRUE(open_origin({.uri = uri}, {}).failed_with(Code::kInvalidArgument)) << uri;
  EXPECT_TRUE(open_origin({.uri = "https://host/x/", .type = Type::kPrefix}, {}).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::origin
