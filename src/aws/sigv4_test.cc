#include "aws/sigv4.h"

#include <gtest/gtest.h>

#include "codec/digest.h"

namespace zeropull::aws {
namespace {

// AWS's published test suite signs with these at this time; the first signature below is its "get-vanilla", the others were
// computed for the same credentials by botocore 1.x.
Credentials credentials() {
  return {.access_key_id = "AKIDEXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
          .session_token = {}};
}
const WallTime kTime = std::chrono::system_clock::from_time_t(1440938160);  // 2015-08-30T12:36:00Z

struct Case {
  std::string_view method = "GET";
  std::string_view url;
  http::Headers headers = {};
  std::string_view body = {};
  std::string service = "service";
  std::string region = "us-east-1";
  std::string token = {};
};

http::Headers signed_case(const Case& c) {
  auto key = credentials();
  if (!c.token.empty()) key.session_token = Secret(c.token);
  auto headers = c.headers;
  sign(c.method, MUST(http::Url::parse(c.url)), headers, as_bytes(c.body), key,
       {.region = c.region, .service = c.service, .time = kTime});
  return headers;
}

std::string signature_of(const Case& c) {
  const std::string authorization(signed_case(c).find_or("Authorization", ""));
  return authorization.substr(authorization.find("Signature=") + 10);
}

TEST(SigV4, equals_awss_vector) {
  EXPECT_EQ(signed_case({.url = "https://example.amazonaws.com/"}).find("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4, sorts_and_encodes_the_query) {
  EXPECT_EQ(signature_of({.url = "https://example.amazonaws.com/?b=2&a=1&a=0&c=%20x%2By&d="}),
            "144cfb651cb0525eaa62ad0d23d91a35ca0cec4acf4c332a60d848cc3c400ec0");
}

TEST(SigV4, normalises_the_path_except_for_s3) {
  EXPECT_EQ(signature_of({.url = "https://example.amazonaws.com/a//b/../c%20d/./e"}),
            "d7050f57f864b31509ec37793d49038099db25f5893f0d7eba8fd5b41b93e953");
  EXPECT_EQ(
      signature_of(
          {.method = "PUT", .url = "https://bucket.s3.us-east-1.amazonaws.com/a//b%20c/..d", .body = "hello", .service = "s3"}),
      "11510414f07f95ed32be2428bcfb75a070cc471dbcb6520b04b7fda0c45fe399");
}

TEST(SigV4, signs_a_session_token_and_the_given_headers) {
  auto headers = signed_case({.method = "POST",
                              .url = "https://api.ecr.eu-west-1.amazonaws.com/",
                              .headers = {{"X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"},
                                          {"Content-Type", "application/x-amz-json-1.1"}},
                              .body = "{}",
                              .service = "ecr",
                              .region = "eu-west-1",
                              .token = "SESSIONTOKEN"});
  EXPECT_EQ(headers.find("X-Amz-Security-Token"), "SESSIONTOKEN");
  EXPECT_TRUE(headers.find("Authorization")
                  ->ends_with("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                              "Signature=449b392839b04c3e31d688387a6e006a649b14966e3e9415912909aa2ee7953b"));
}

TEST(SigV4, collapses_blanks_and_names_an_unusual_port) {
  EXPECT_EQ(signature_of(
                {.method = "PUT", .url = "http://127.0.0.1:4711/x", .headers = {{"X-Amz-Meta-A", "  a   b  "}}, .body = "body"}),
            "d419f42c2b34ec191072d46f4e561e1798ab12b2f1047baa6a2fa2c03f7811af");
}

TEST(SigV4, secrets_do_not_print) { EXPECT_EQ(fmt::format("{}", credentials().secret_access_key), "***"); }

}  // namespace
}  // namespace zeropull::aws
