#include "oci/ecr.h"

#include <gtest/gtest.h>

#include <atomic>

#include "codec/base64.h"
#include "codec/digest.h"
#include "http/server.h"
#include "oci/fake_clock.h"
#include "oci/registry.h"
#include "os/file.h"

namespace zeropull::oci {
namespace {

constexpr const char* kHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

// ECR's API and its registry in one server: checks the signature of each token request by computing it again, gives numbered
// passwords, and lets only the newest in.
class EcrTest : public testing::Test {
 protected:
  http::ServerResponse handle(const http::ServerRequest& request) {
    if (request.path == "/") return give_token(request);
    if (refuse_once_.exchange(false)) return {.status = 403, .body = "the token has expired"};
    const auto password = "AWS:password-" + std::to_string(tokens_);
    if (request.headers.find("Authorization") != "Basic " + codec::base64_encode(as_bytes(password))) {
      return {.status = 401, .headers = {{"WWW-Authenticate", R"(Basic realm="https://ecr/",service="ecr.amazonaws.com")"}}};
    }
    ++served_;
    return {.body = kBlob};
  }

  http::ServerResponse give_token(const http::ServerRequest& request) {
    http::Headers signed_headers;
    for (const char* name : {"Content-Type", "Host", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target"})
      if (auto value = request.headers.find(name)) signed_headers.add(name, std::string(*value));
    const std::string date(request.headers.find_or("X-Amz-Date", ""));
    const auto payload = codec::sha256(as_bytes(request.body)).hex();
    const aws::SigningScope scope{date.substr(0, 8), "eu-west-1", "ecr"};
    const auto url = MUST(http::Url::parse(server_->url() + request.target));
    const auto canonical = aws::canonical_request({request.method, url, signed_headers, payload}, "ecr");
    const auto expected =
        aws::signature(aws::signing_key(Secret("aws secret"), scope), aws::string_to_sign(date, scope, canonical));
    const auto authorization = request.headers.find_or("Authorization", "");
    if (date != aws::amz_date(clock_.wall_now()) || !authorization.ends_with("Signature=" + expected) ||
        !authorization.contains("Credential=AKIDEXAMPLE/" + scope.text()) || !authorization.contains("x-amz-security-token"))
      return {.status = 400, .body = R"({"__type":"InvalidSignatureException"})"};
    if (request.headers.find("X-Amz-Target") != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
      return {.status = 404};
    const auto password = "AWS:password-" + std::to_string(++tokens_);
    const auto expires = std::chrono::system_clock::to_time_t(clock_.wall_now()) + 12 * 3600;
    return {.body = fmt::format(R"({{"authorizationData":[{{"authorizationToken":"{}","expiresAt":{}.5,"proxyEndpoint":"x"}}]}})",
                                codec::base64_encode(as_bytes(password)), expires)};
  }

  RegistryOptions options(const std::string& secret = "aws secret") {
    auto file = folder_.path() + "/none.json";
    MUST(os::replace_file(file, as_bytes("{}")));
    RegistryOptions out;
    out.plain = http::Plain::kAllowed;
    out.auth_file = file;
    out.ecr_endpoint = MUST(http::Url::parse(server_->url()));
    out.connect_to = MUST(http::Url::parse(server_->url()));
    out.clock = &clock_;
    out.aws_credentials = [secret]() -> Result<aws::Credentials> {
      return aws::Credentials{"AKIDEXAMPLE", Secret(secret), Secret("session")};
    };
    return out;
  }
  std::unique_ptr<RegistrySource> open(RegistryOptions with) {
    return MUST(RegistrySource::create({.host = kHost, .repository = "team/image", .tag = "latest"}, std::move(with)));
  }
  Result<void> fetch(ImageSource& source) {
    return source.fetch_blob(ctx_, codec::sha256(as_bytes(kBlob)), kBlob.size(), [](ByteView) -> Result<void> { return {}; });
  }

  const std::string kBlob = "a layer in ECR";
  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  FakeClock clock_;
  std::atomic<int> tokens_ = 0, served_ = 0;
  std::atomic<bool> refuse_once_ = false;
  std::unique_ptr<http::HttpServer> server_ =
      MUST(http::HttpServer::create({}, [this](const Context&, const http::ServerRequest& request) { return handle(request); }));
};

TEST_F(EcrTest, logs_in_with_a_signed_request_and_keeps_the_token) {
  auto source = open(options());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(tokens_, 1);
  EXPECT_EQ(served_, 3);
}

TEST_F(EcrTest, renews_before_the_token_expires) {
  auto source = open(options());
  EXPECT_TRUE(fetch(*source).ok());
  clock_.advance(std::chrono::hours(11));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(tokens_, 1);
  clock_.advance(std::chrono::minutes(51));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(tokens_, 2);
}

TEST_F(EcrTest, a_403_gets_a_new_token) {
  auto source = open(options());
  EXPECT_TRUE(fetch(*source).ok());
  refuse_once_ = true;
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(tokens_, 2);
  EXPECT_EQ(served_, 2);
}

TEST_F(EcrTest, wrong_credentials_are_refused_with_aws_words) {
  auto failed = fetch(*open(options("another secret")));
  ASSERT_TRUE(failed.failed_with(Code::kUnauthenticated));
  EXPECT_NE(failed.error().message().find("InvalidSignatureException"), std::string::npos) << failed.error().message();
}

TEST(EcrHost, tells_ecr_from_other_registries) {
  EXPECT_EQ(parse_ecr_host(kHost)->api, "api.ecr.eu-west-1.amazonaws.com");
  EXPECT_EQ(parse_ecr_host(kHost)->region, "eu-west-1");
  EXPECT_EQ(parse_ecr_host("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn")->api, "api.ecr.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(parse_ecr_host("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com")->api, "ecr-fips.us-gov-west-1.amazonaws.com");
  for (const char* host :
       {"", "docker.io", "12345678901.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.evil.com",
        "123456789012.dkr.ecr.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.com",
        "123456789012.dkr.ecr.EU/x.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443"})
    EXPECT_FALSE(parse_ecr_host(host)) << host;
}

}  // namespace
}  // namespace zeropull::oci
