#include "oci/ecr.h"

#include <gtest/gtest.h>

#include "oci/fake_ecr.h"
#include "oci/registry.h"
#include "os/file.h"

namespace zeropull::oci {
namespace {

class EcrTest : public testing::Test {
 protected:
  RegistryOptions options(const std::string& secret = FakeEcr::kSecret) {
    auto file = folder_.path() + "/none.json";
    MUST(os::replace_file(file, as_bytes("{}")));
    RegistryOptions out;
    out.plain = http::Plain::kAllowed;
    out.auth_file = file;
    out.ecr_endpoint = MUST(http::Url::parse(ecr_.server->url()));
    out.connect_to = MUST(http::Url::parse(ecr_.server->url()));
    out.clock = &ecr_.clock;
    out.aws_credentials = [secret]() -> Result<aws::Credentials> {
      return aws::Credentials{FakeEcr::kKeyId, Secret(secret), Secret(FakeEcr::kSession)};
    };
    return out;
  }
  std::unique_ptr<RegistrySource> open(RegistryOptions with) {
    return MUST(RegistrySource::create({.host = FakeEcr::kHost, .repository = "team/image", .tag = "latest"}, std::move(with)));
  }
  Result<void> fetch(ImageSource& source) {
    return source.fetch_blob(ctx_, codec::sha256(as_bytes(ecr_.blob)), ecr_.blob.size(),
                             [](ByteView) -> Result<void> { return {}; });
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
  FakeEcr ecr_;
};

TEST_F(EcrTest, logs_in_with_a_signed_request_and_keeps_the_token) {
  auto source = open(options());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 1);
  EXPECT_EQ(ecr_.served, 3);
}

TEST_F(EcrTest, renews_before_the_token_expires) {
  auto source = open(options());
  EXPECT_TRUE(fetch(*source).ok());
  ecr_.clock.advance(std::chrono::hours(11));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 1);
  ecr_.clock.advance(std::chrono::minutes(51));
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 2);
}

TEST_F(EcrTest, a_403_gets_a_new_token) {
  auto source = open(options());
  EXPECT_TRUE(fetch(*source).ok());
  ecr_.refuse_once = true;
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 2);
  EXPECT_EQ(ecr_.served, 2);
}

TEST_F(EcrTest, a_403_to_the_first_token_gets_another_and_no_third) {
  ecr_.refuse_once = true;
  EXPECT_TRUE(fetch(*open(options())).ok());
  EXPECT_EQ(ecr_.tokens, 2);
  ecr_.refuse_always = true;
  auto refused = fetch(*open(options()));
  EXPECT_TRUE(refused.failed_with(Code::kPermissionDenied));
  EXPECT_EQ(ecr_.tokens, 4);
}

TEST_F(EcrTest, without_the_machines_logins_given_credentials_alone_are_used) {
  auto given = options();
  given.machine_logins = false;
  auto source = open(given);
  EXPECT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 1);
  given.aws_credentials = {};
  ASSERT_EQ(setenv("AWS_ACCESS_KEY_ID", FakeEcr::kKeyId, 1) + setenv("AWS_SECRET_ACCESS_KEY", FakeEcr::kSecret, 1), 0);
  EXPECT_TRUE(fetch(*open(given)).failed_with(Code::kUnauthenticated));
  EXPECT_EQ(unsetenv("AWS_ACCESS_KEY_ID") + unsetenv("AWS_SECRET_ACCESS_KEY"), 0);
  EXPECT_EQ(ecr_.tokens, 1);
}

TEST_F(EcrTest, wrong_credentials_are_refused_with_aws_words) {
  auto failed = fetch(*open(options("another secret")));
  ASSERT_TRUE(failed.failed_with(Code::kUnauthenticated));
  EXPECT_NE(failed.error().message().find("InvalidSignatureException"), std::string::npos) << failed.error().message();
}

TEST(EcrHost, tells_ecr_from_other_registries) {
  EXPECT_EQ(parse_ecr_host(FakeEcr::kHost)->api, "api.ecr.eu-west-1.amazonaws.com");
  EXPECT_EQ(parse_ecr_host(FakeEcr::kHost)->region, "eu-west-1");
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
