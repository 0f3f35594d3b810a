#include "agent/registry_access.h"

#include <gtest/gtest.h>

#include "oci/fake_ecr.h"

namespace zeropull::agent {
namespace {

using oci::FakeEcr;

// What an account is given for ECR, as the instance and the control plane use it.
class AccountsEcr : public testing::Test {
 protected:
  RegistryAccess access(const std::string& secret = FakeEcr::kSecret) {
    RegistryAccess access;
    access.host = FakeEcr::kHost;
    access.transport = RegistryAccess::Transport::kPlain;
    access.aws = {.access_key_id = FakeEcr::kKeyId,
                  .secret_access_key = Secret(secret),
                  .session_token = Secret(FakeEcr::kSession),
                  .endpoint_url = ecr_.server->url()};
    return access;
  }
  std::unique_ptr<oci::RegistrySource> open(const std::vector<RegistryAccess>& accesses) {
    oci::RegistryOptions options;
    options.machine_logins = false;
    options.connect_to = MUST(http::Url::parse(ecr_.server->url()));
    options.clock = &ecr_.clock;
    use_accesses(accesses, FakeEcr::kHost, options);
    return MUST(oci::RegistrySource::create({.host = FakeEcr::kHost, .repository = "team/image", .tag = "latest"}, options));
  }
  Result<void> fetch(oci::ImageSource& source) {
    return source.fetch_blob(ctx_, codec::sha256(as_bytes(ecr_.blob)), ecr_.blob.size(),
                             [](ByteView) -> Result<void> { return {}; });
  }
  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  FakeEcr ecr_;
};

TEST_F(AccountsEcr, its_key_buys_a_token_and_a_refusal_or_the_tokens_end_another_one) {
  auto source = open({access()});
  ASSERT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 1);
  ecr_.refuse_once = true;  // 403
  ASSERT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 2);
  ecr_.clock.advance(std::chrono::hours(13));
  ASSERT_TRUE(fetch(*source).ok());
  EXPECT_EQ(ecr_.tokens, 3);
  EXPECT_EQ(ecr_.served, 3);
}

TEST_F(AccountsEcr, another_key_or_none_gets_nothing) {
  auto wrong = fetch(*open({access("another secret")}));
  ASSERT_TRUE(wrong.failed_with(Code::kUnauthenticated));
  EXPECT_NE(wrong.error().message().find("InvalidSignatureException"), std::string::npos) << wrong.error().message();
  auto without = access();
  without.aws = {};
  EXPECT_TRUE(fetch(*open({without})).failed_with(Code::kUnauthenticated));
  auto elsewhere = access();
  elsewhere.host = "999999999999.dkr.ecr.eu-west-1.amazonaws.com";
  without.host = FakeEcr::kHost;
  EXPECT_TRUE(fetch(*open({elsewhere, without})).failed_with(Code::kUnauthenticated)) << "one registry's key is used at another";
  EXPECT_EQ(ecr_.tokens, 0);
}

}  // namespace
}  // namespace zeropull::agent
