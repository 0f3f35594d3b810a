#include "oci/registry.h"

#include <gtest/gtest.h>

#include "codec/digest.h"
#include "http/test_authority.h"
#include "oci/fake_clock.h"
#include "oci/image_source_conformance.h"
#include "os/file.h"

namespace zeropull::oci {
namespace {

using Kind = Fault::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

class FixedLogin final : public LoginSource {
 public:
  explicit FixedLogin(Login login) : login_(std::move(login)) {}
  Result<std::optional<Login>> find(const Context&, const std::string&) override { return std::optional(login_); }

 private:
  const Login login_;
};

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() { MUST(os::replace_file(folder_.path() + "/none.json", as_bytes("{}"))); }

  RegistryOptions options() {
    RegistryOptions out;
    out.plain = http::Plain::kAllowed;
    out.auth_file = folder_.path() + "/none.json";
    out.clock = &clock_;
    out.progress_timeout = seconds(5);
    out.retry.sleep = [this](const Context&, Duration delay) -> Result<void> {
      std::lock_guard lock(mutex_);
      slept_.push_back(delay);
      return {};
    };
    return out;
  }
  RegistryOptions with_login(const std::string& password = "word", bool identity_token = false) {
    auto out = options();
    out.logins = std::make_shared<FixedLogin>(Login{"user", Secret(password), identity_token});
    return out;
  }
  std::unique_ptr<RegistrySource> open(const FakeRegistry& registry, RegistryOptions with) {
    return MUST(RegistrySource::create(registry.reference(), std::move(with)));
  }
  std::unique_ptr<RegistrySource> open(const FakeRegistry& registry) { return open(registry, options()); }

  // Fetches the large blob; its bytes are compared here.
  Result<void> fetch(ImageSource& source) {
    auto bytes = fetch_small_blob(ctx_, source, codec::sha256(as_bytes(large_)), large_.size());
    if (!bytes) return std::move(bytes).take_error();
    EXPECT_TRUE(*bytes == large_);
    return {};
  }
  std::vector<SeenRequest> blob_requests(const FakeRegistry& registry) {
    auto all = registry.requests();
    std::erase_if(all, [](const SeenRequest& seen) { return !seen.path.contains("/blobs/"); });
    return all;
  }

  Context ctx_ = Context::root("test", {}, seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  FakeClock clock_;
  std::mutex mutex_;
  std::vector<Duration> slept_;
  const std::string large_ = conformance_layers()[1];
};

TEST_F(RegistryTest, conforms) {
  FakeRegistry registry;
  registry.add_image(conformance_layers());
  auto source = open(registry);
  check_image_source(*source);
}

TEST_F(RegistryTest, a_guard_keeps_it_from_denied_addresses) {
  FakeRegistry registry;
  registry.add_image({large_});
  auto guarded = options();
  guarded.guard = http::AddressGuard();
  EXPECT_TRUE(resolve_image(ctx_, *open(registry, guarded), {"linux", "amd64"}).failed_with(Code::kPermissionDenied));
  EXPECT_TRUE(registry.requests().empty());
  guarded.guard = http::AddressGuard({.denied = {}, .allowed = {MUST(http::IpNetwork::parse("127.0.0.0/8"))}});
  EXPECT_TRUE(resolve_image(ctx_, *open(registry, guarded), {"linux", "amd64"}).ok());
}

TEST_F(RegistryTest, asks_once_for_each_thing) {
  FakeRegistry registry;
  registry.add_image({large_});
  auto source = open(registry);
  MUST(resolve_image(ctx_, *source, {"linux", "amd64"}));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(registry.requests().size(), 3u);
  EXPECT_EQ(source->counts().connections, 1u);
  EXPECT_TRUE(slept_.empty());
}

TEST_F(RegistryTest, chooses_from_an_index_and_checks_its_words) {
  FakeRegistry registry;
  const auto arm = registry.add_image({"arm layer"}, "arm", {"linux", "arm64"});
  const auto size = MUST(open(registry)->fetch_manifest(ctx_, arm)).bytes.size();
  const auto entry = [&](std::size_t says) {
    return fmt::format(R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":{},)"
                       R"("platform":{{"os":"linux","architecture":"arm64"}}}}]}})",
                       kOciManifest, arm, says);
  };
  registry.add_manifest(entry(size), kOciIndex, "latest");
  EXPECT_EQ(MUST(resolve_image(ctx_, *open(registry), {"linux", "arm64"})).manifest.digest, arm);
  EXPECT_TRUE(resolve_image(ctx_, *open(registry), {"linux", "amd64"}).failed_with(Code::kNotFound));
  registry.add_manifest(entry(size + 1), kOciIndex, "latest");
  EXPECT_TRUE(resolve_image(ctx_, *open(registry), {"linux", "arm64"}).failed_with(Code::kDataLoss));
}

TEST_F(RegistryTest, repeats_429_and_5xx_and_honours_retry_after) {
  FakeRegistry registry;
  registry.add_image({large_});
  registry.script({.kind = Kind::kStatus, .where = "/blobs/", .status = 429, .retry_after = "7"});
  registry.script({.kind = Kind::kStatus, .where = "/blobs/", .times = 2, .status = 503});
  EXPECT_TRUE(fetch(*open(registry)).ok());
  EXPECT_EQ(registry.count("/blobs/"), 4u);
  ASSERT_EQ(slept_.size(), 3u);
  EXPECT_EQ(slept_[0], seconds(7));
}

TEST_F(RegistryTest, gives_up_after_its_attempts_and_not_at_all_on_a_plain_no) {
  FakeRegistry registry;
  registry.script({.kind = Kind::kStatus, .where = "/blobs/", .times = -1, .status = 500});
  auto failed = fetch(*open(registry));
  ASSERT_TRUE(failed.failed_with(Code::kUnavailable));
  EXPECT_NE(failed.error().message().find("gave up after 6 attempts"), std::string::npos) << failed.error().message();
  EXPECT_EQ(registry.count("/blobs/"), 6u);
  auto missing = open(registry)->fetch_manifest(ctx_, std::nullopt);
  ASSERT_TRUE(missing.failed_with(Code::kNotFound));
  EXPECT_NE(missing.error().message().find("NAME_UNKNOWN: no such thing"), std::string::npos) << missing.error().message();
  EXPECT_EQ(registry.count("/manifests/"), 1u);
}

TEST_F(RegistryTest, resumes_a_broken_blob_from_the_byte_it_reached) {
  FakeRegistry registry;
  registry.add_image({large_});
  registry.script({.kind = Kind::kBreakAfter, .where = "/blobs/", .bytes = 1000000});
  registry.script({.kind = Kind::kBreakAfter, .where = "/blobs/", .bytes = 500000});
  EXPECT_TRUE(fetch(*open(registry)).ok());
  const auto seen = blob_requests(registry);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].range, "");
  EXPECT_EQ(seen[1].range, "bytes=1000000-");
  EXPECT_EQ(seen[2].range, "bytes=1500000-");
}

TEST_F(RegistryTest, skips_what_was_delivered_where_the_server_ignores_ranges) {
  FakeRegistry registry;
  registry.add_image({large_});
  registry.script({.kind = Kind::kBreakAfter, .where = "/blobs/", .bytes = 1000000});
  registry.script({.kind = Kind::kIgnoreRange, .where = "/blobs/"});
  auto source = open(registry);
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(source->counts().body_bytes, 1000000 + large_.size());
}

TEST_F(RegistryTest, a_transfer_that_moves_may_break_more_often_than_the_attempts) {
  FakeRegistry registry;
  registry.add_image({large_});
  registry.script({.kind = Kind::kBreakAfter, .where = "/blobs/", .times = 2, .bytes = kMiB});
  auto with = options();
  with.retry.attempts_max = 2;
  EXPECT_TRUE(fetch(*open(registry, std::move(with))).ok());
  EXPECT_EQ(registry.count("/blobs/"), 3u);
}

TEST_F(RegistryTest, a_stalled_transfer_is_taken_up_again) {
  FakeRegistry registry;
  registry.add_image({large_});
  registry.script({.kind = Kind::kStall, .where = "/blobs/", .bytes = 1000});
  auto with = options();
  with.progress_timeout = milliseconds(100);
  EXPECT_TRUE(fetch(*open(registry, std::move(with))).ok());
  EXPECT_EQ(blob_requests(registry)[1].range, "bytes=1000-");
}

TEST_F(RegistryTest, finds_wrong_bytes_lengths_and_pages) {
  FakeRegistry registry;
  registry.add_image({large_});
  const auto expect = [&](const Fault& fault, Code code, std::string_view text) {
    registry.script(fault);
    auto failed = fetch(*open(registry));
    ASSERT_FALSE(failed.ok());
    EXPECT_TRUE(failed.failed_with(code)) << failed.error().to_string();
    EXPECT_NE(failed.error().message().find(text), std::string::npos) << failed.error().message();
  };
  expect({.kind = Kind::kWrongBytes, .where = "/blobs/"}, Code::kDataLoss, "other bytes");
  expect({.kind = Kind::kWrongLength, .where = "/blobs/", .bytes = 100}, Code::kDataLoss, "the server says 100 bytes");
  expect({.kind = Kind::kWrongLength, .where = "/blobs/", .bytes = large_.size() + 1}, Code::kDataLoss, "the server says");
  expect({.kind = Kind::kHtml, .where = "/blobs/"}, Code::kFailedPrecondition, "text/html, is this a registry?");
}

TEST_F(RegistryTest, finds_manifests_that_are_not_what_was_asked_for) {
  FakeRegistry registry;
  const auto digest = registry.add_image({"layer"});
  auto source = open(registry);
  registry.script({.kind = Kind::kWrongDigest, .where = "/manifests/"});
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).failed_with(Code::kDataLoss));
  registry.script({.kind = Kind::kWrongBytes, .where = "/manifests/"});
  EXPECT_TRUE(source->fetch_manifest(ctx_, digest).failed_with(Code::kDataLoss));
  registry.script({.kind = Kind::kHtml, .where = "/manifests/"});
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).failed_with(Code::kFailedPrecondition));
  registry.script({.kind = Kind::kWrongLength, .where = "/manifests/", .bytes = 4 * kMiB + 1});
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).failed_with(Code::kOutOfRange));
}

TEST_F(RegistryTest, plain_http_only_when_allowed) {
  FakeRegistry registry;
  auto with = options();
  with.plain = http::Plain::kRefused;
  with.retry.attempts_max = 1;
  EXPECT_FALSE(open(registry, std::move(with))->fetch_manifest(ctx_, std::nullopt).ok());
  EXPECT_TRUE(registry.requests().empty());
}

TEST_F(RegistryTest, speaks_tls_with_the_given_authority) {
  const auto authority = MUST(http::TestAuthority::create(folder_.path()));
  const auto certificate = MUST(authority.issue("registry", {"IP:127.0.0.1"}));
  FakeRegistry registry({.certificate_file = certificate.certificate_file, .key_file = certificate.key_file});
  registry.add_image({large_});
  auto with = options();
  with.plain = http::Plain::kRefused;
  EXPECT_TRUE(open(registry, with)->fetch_manifest(ctx_, std::nullopt).failed_with(Code::kUnauthenticated));
  with.ca_file = authority.ca_file();
  EXPECT_TRUE(fetch(*open(registry, with)).ok());
}

TEST_F(RegistryTest, basic_logs_in_after_one_refusal) {
  FakeRegistry registry({.auth = FakeRegistry::Auth::kBasic});
  registry.add_image({large_});
  auto source = open(registry, with_login());
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(registry.requests().size(), 3u);
  auto wrong = fetch(*open(registry, with_login("wrong")));
  EXPECT_TRUE(wrong.failed_with(Code::kUnauthenticated));
  EXPECT_EQ(wrong.error().message().find("wrong"), std::string::npos) << "the password must not be in the message";
  auto none = fetch(*open(registry));
  ASSERT_TRUE(none.failed_with(Code::kUnauthenticated));
  EXPECT_NE(none.error().message().find("log in"), std::string::npos);
}

TEST_F(RegistryTest, gets_one_token_for_many_threads_and_another_before_it_expires) {
  FakeRegistry registry({.auth = FakeRegistry::Auth::kBearer});
  registry.add_image({large_});
  auto source = open(registry, with_login());
  EXPECT_TRUE(parallel_for(ctx_, 8, 8, [&](const Context&, std::size_t) { return fetch(*source); }).ok());
  EXPECT_EQ(registry.tokens_given(), 1u);
  clock_.advance(seconds(269));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(registry.tokens_given(), 1u);
  const auto before = registry.count("/blobs/");
  clock_.advance(seconds(2));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(registry.tokens_given(), 2u);
  EXPECT_EQ(registry.count("/blobs/"), before + 1) << "renewed without a refusal";
}

TEST_F(RegistryTest, renews_once_after_401_and_403_and_then_gives_up) {
  for (int status : {401, 403}) {
    FakeRegistry registry({.auth = FakeRegistry::Auth::kBearer});
    registry.set_refusal_status(status);
    registry.add_image({large_});
    auto source = open(registry, with_login());
    EXPECT_TRUE(fetch(*source).ok());
    registry.expire_tokens();
    EXPECT_TRUE(fetch(*source).ok());
    EXPECT_EQ(registry.tokens_given(), 2u);
    registry.script({.kind = Kind::kStatus, .where = "/blobs/", .times = -1, .status = status});
    const auto before = registry.count("/blobs/");
    EXPECT_TRUE(fetch(*source).failed_with(status == 401 ? Code::kUnauthenticated : Code::kPermissionDenied));
    EXPECT_EQ(registry.count("/blobs/"), before + 2);
  }
}

TEST_F(RegistryTest, exchanges_an_identity_token_by_post) {
  FakeRegistry registry({.auth = FakeRegistry::Auth::kBearer});
  registry.add_image({large_});
  EXPECT_TRUE(fetch(*open(registry, with_login("word", true))).ok());
  for (const auto& seen : registry.requests()) EXPECT_EQ(seen.method, seen.path == "/token" ? "POST" : "GET");
  EXPECT_TRUE(fetch(*open(registry, with_login("wrong", true))).failed_with(Code::kUnauthenticated));
}

TEST_F(RegistryTest, authorization_stays_with_its_host_on_a_redirect) {
  FakeRegistry registry({.auth = FakeRegistry::Auth::kBearer});
  registry.add_image({large_});
  auto source = open(registry, with_login());
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).ok());
  registry.script({.kind = Kind::kRedirect, .where = "/blobs/"});
  EXPECT_TRUE(fetch(*source).ok());
  const auto seen = blob_requests(registry);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].authorization, "Bearer token-1");
  EXPECT_TRUE(seen[1].elsewhere);
  EXPECT_EQ(seen[1].authorization, "");
}

TEST_F(RegistryTest, tries_mirrors_once_and_falls_back_to_the_origin) {
  FakeRegistry mirror, origin;
  origin.add_image({large_});
  auto with = options();
  with.mirrors = {mirror.host()};
  auto source = open(origin, with);
  EXPECT_TRUE(source->fetch_manifest(ctx_, std::nullopt).ok());
  EXPECT_EQ(mirror.requests().size(), 1u);
  EXPECT_EQ(origin.requests().size(), 1u);

  mirror.add_image({large_});
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(origin.count("/blobs/"), 0u);

  mirror.script({.kind = Kind::kBreakAfter, .where = "/blobs/", .bytes = 1000});
  EXPECT_TRUE(fetch(*source).ok());
  ASSERT_EQ(blob_requests(origin).size(), 1u);
  EXPECT_EQ(blob_requests(origin)[0].range, "bytes=1000-") << "the origin goes on where the mirror broke off";
  EXPECT_TRUE(slept_.empty());
}

TEST_F(RegistryTest, opens_the_source_that_a_reference_names) {
  FakeRegistry registry;
  registry.add_image({large_});
  auto source = MUST(open_image_source(MUST(parse_reference("docker://" + registry.host() + "/team/image")), options()));
  EXPECT_EQ(source->describe(), "docker://" + registry.host() + "/team/image:latest");
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_TRUE(open_image_source(MUST(parse_reference("oci:/does/not/exist")), options()).failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace zeropull::oci
