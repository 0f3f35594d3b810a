#include "aws/sigv4_verify.h"

#include <gtest/gtest.h>

#include "codec/digest.h"

namespace zeropull::aws {
namespace {

// The key pair and both vectors are those of botocore's signer for the SageMaker services.
const Credentials kCredentials{
    .access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), .session_token = {}};
const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 6 / 21);
const VerifyRules kRules{.service = "sagemaker", .region = "us-east-1"};

struct Sent {
  std::string method = "POST";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::string& header(std::string_view name) {
    for (auto& [other, value] : headers) {
      if (http::equal_ignoring_case(other, name)) return value;
    }
    return headers.emplace_back(std::string(name), "").second;
  }
  void replace(std::string_view header_name, std::string_view from, std::string_view to) {
    auto& text = header(header_name);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
};

Sent describe_endpoint() {
  return {.headers = {{"Host", "127.0.0.1:8080"},
                      {"X-Amz-Target", "SageMaker.DescribeEndpoint"},
                      {"Content-Type", "application/x-amz-json-1.1"},
                      {"User-Agent", "Boto3"},
                      {"X-Amz-Date", "20260621T000000Z"},
                      {"Authorization",
                       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260621/us-east-1/sagemaker/aws4_request, "
                       "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                       "Signature=5c2512e58b3c9e340c5a71e4ec8db900a553c82f59d2b095a361791908d7c17a"},
                      {"amz-sdk-request", "attempt=1"}},
          .body = R"({"EndpointName": "llm"})"};
}

Sent invoke_endpoint() {
  return {.target = "/endpoints/llm/invocations",
          .headers = {{"Host", "127.0.0.1:8080"},
                      {"Accept", "application/json"},
                      {"Content-Type", "application/json"},
                      {"X-Amzn-SageMaker-Inference-Component", "qwen3-8b"},
                      {"X-Amz-Date", "20260621T000000Z"},
                      {"Authorization",
                       "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260621/us-east-1/sagemaker/aws4_request, "
                       "SignedHeaders=accept;content-type;host;x-amz-date;x-amzn-sagemaker-inference-component, "
                       "Signature=eeab394c6600c63feeb7a5c1a0c4a424078fb68e84e8deb30ad7582a8093c88e"}},
          .body = "{}"};
}

// A request with these headers beside Host and X-Amz-Date, signed by our own signer.
Sent signed_by_us(const std::string& target, http::Headers headers, const std::string& body = "{}", Credentials by = kCredentials,
                  const std::string& service = "sagemaker") {
  sign("POST", MUST(http::Url::parse("http://127.0.0.1:8080" + target)), headers, as_bytes(body), by,
       {.region = "us-east-1", .service = service, .time = kNow});
  Sent sent{.target = target, .headers = {}, .body = body};
  for (const auto& [name, value] : headers) sent.headers.emplace_back(name, value);
  return sent;
}

class SigV4Verify : public testing::Test {
 protected:
  std::optional<AuthFailure> verify(const Sent& sent, WallTime now = kNow, const Credentials& credentials = kCredentials,
                                    const VerifyRules& rules = kRules) {
    std::vector<HeaderView> headers;
    for (const auto& [name, value] : sent.headers) headers.push_back({name, value});
    auto parsed = parse_authorization(headers);
    if (auto* failure = std::get_if<AuthFailure>(&parsed)) return std::move(*failure);
    return verifier_.verify({sent.method, sent.target, headers}, std::get<Authorization>(parsed),
                            codec::sha256(as_bytes(sent.body)), credentials, rules, now);
  }
  void expect(const Sent& sent, AuthFault fault, std::string_view words, WallTime now = kNow) {
    const auto failure = verify(sent, now);
    ASSERT_TRUE(failure.has_value()) << words;
    EXPECT_EQ(failure->fault, fault) << failure->message;
    EXPECT_NE(failure->message.find(words), std::string::npos) << failure->message;
  }
  SignatureVerifier verifier_;
};

TEST_F(SigV4Verify, accepts_botocores_vectors) {
  for (int twice = 0; twice < 2; ++twice) {  // the second time with the key remembered
    EXPECT_EQ(verify(describe_endpoint()), std::nullopt);
    EXPECT_EQ(verify(invoke_endpoint()), std::nullopt);
  }
}

TEST_F(SigV4Verify, derives_the_vectors_signing_key) {
  const auto key = signing_key(kCredentials.secret_access_key, {"20260621", "us-east-1", "sagemaker"});
  EXPECT_EQ(to_hex(as_bytes(key.reveal())), "3483f8847bf65be89e854e8328ac29ad6829a8929c3337af740b951b412cd966");
}

TEST_F(SigV4Verify, any_change_of_what_is_signed_fails) {
  const auto changed = [&](const std::function<void(Sent&)>& change) {
    auto sent = describe_endpoint();
    change(sent);
    expect(sent, AuthFault::kInvalidSignature, "The request signature we calculated does not match");
  };
  EXPECT_EQ(verify(describe_endpoint()), std::nullopt);
  changed([](Sent& sent) { sent.method = "GET"; });
  changed([](Sent& sent) { sent.target = "/x"; });
  changed([](Sent& sent) { sent.target = "/?a=b"; });
  changed([](Sent& sent) { sent.body += " "; });
  changed([](Sent& sent) { sent.header("host") = "127.0.0.1:8081"; });
  changed([](Sent& sent) { sent.header("x-amz-target") = "SageMaker.DeleteEndpoint"; });
  changed([](Sent& sent) { sent.headers.emplace_back("X-Amz-Target", "SageMaker.DeleteEndpoint"); });
  changed([](Sent& sent) { sent.replace("Authorization", "c17a", "c17b"); });
  changed([](Sent& sent) { sent.replace("Authorization", "Signature=5c25", "Signature=5C25"); });
  changed([](Sent& sent) { sent.replace("Authorization", "Signature=5c25", "Signature="); });
  changed([](Sent& sent) { sent.replace("Authorization", "content-type;", ""); });
  changed([](Sent& sent) { sent.replace("Authorization", "AKIDEXAMPLE/", "AKIDOTHER/"), sent.body.clear(); });
}

TEST_F(SigV4Verify, another_secret_fails_also_once_the_key_is_remembered) {
  EXPECT_EQ(verify(describe_endpoint()), std::nullopt);
  auto other = kCredentials;
  other.secret_access_key = Secret("another secret");
  EXPECT_EQ(verify(describe_endpoint(), kNow, other)->fault, AuthFault::kInvalidSignature);
  EXPECT_EQ(verify(describe_endpoint()), std::nullopt);
}

TEST_F(SigV4Verify, what_proxies_and_sdks_add_or_reformat_changes_nothing) {
  auto sent = invoke_endpoint();
  sent.headers.insert(sent.headers.begin(), {"X-Amzn-Trace-Id", "Root=1"});
  sent.headers.emplace_back("amz-sdk-invocation-id", "1");
  sent.header("accept") = " application/json\t";
  sent.replace("Authorization", ", Signed", ",Signed");
  EXPECT_EQ(verify(sent), std::nullopt);
}

TEST_F(SigV4Verify, agrees_with_our_signer_on_paths_queries_and_repeated_headers) {
  for (const char* target : {"/endpoints/a%20b/invocations", "/a//b/../c/./d/", "/..", "/?b=2&a=1&a=0&c=%20x%2By&d="})
    EXPECT_EQ(verify(signed_by_us(target, {{"X-Amzn-SageMaker-Custom-Attributes", " a   b "}, {"Accept", "x"}, {"Accept", "y"}})),
              std::nullopt)
        << target;
}

TEST_F(SigV4Verify, a_missing_or_malformed_header_has_its_own_failure) {
  auto none = describe_endpoint();
  std::erase_if(none.headers, [](const auto& header) { return header.first == "Authorization"; });
  expect(none, AuthFault::kMissingToken, "Request is missing Authentication Token");

  const auto broken = [&](std::string_view from, std::string_view to, std::string_view words) {
    auto sent = describe_endpoint();
    sent.replace("Authorization", from, to);
    expect(sent, AuthFault::kIncompleteSignature, words);
  };
  broken("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'");
  broken("AWS4-HMAC-SHA256 ", "Bearer ", "Unsupported AWS 'algorithm'");
  broken("Credential=", "Credentials=", "Credentials=");
  broken("Signature=", "Signature", "Invalid key=value pair");
  broken("Credential=AKIDEXAMPLE/20260621/us-east-1/sagemaker/aws4_request, ", "", "requires 'Credential' parameter");
  broken(", Signature=5c2512e58b3c9e340c5a71e4ec8db900a553c82f59d2b095a361791908d7c17a", "", "requires 'Signature' parameter");
  broken("SignedHeaders=content-type;host;x-amz-date;x-amz-target, ", "", "requires 'SignedHeaders' parameter");
  broken("Signature=", "Signature=a, Signature=", "Invalid key=value pair");
  broken("/us-east-1/", "/", "exactly 5 slash-delimited elements");
  broken("/aws4_request", "/aws4_request/x", "exactly 5 slash-delimited elements");
  broken("/us-east-1/", "//", "exactly 5 slash-delimited elements");
  for (auto names : {"host;content-type", "Content-Type;host", "host;host", "host;;x-amz-date", "host;x-amz-date;", ";host"})
    broken("content-type;host;x-amz-date;x-amz-target", names, "ascending order");

  for (auto date :
       {"20260621", "20260621T000000", "20261321T000000Z", "20260631T000000Z", "20260621T240000Z", "2026062aT000000Z"}) {
    auto sent = describe_endpoint();
    sent.header("X-Amz-Date") = date;
    expect(sent, AuthFault::kIncompleteSignature, "Date must be in ISO-8601");
  }
  auto undated = describe_endpoint();
  std::erase_if(undated.headers, [](const auto& header) { return header.first == "X-Amz-Date"; });
  expect(undated, AuthFault::kIncompleteSignature, "requires existence");
  for (auto name : {"Authorization", "X-Amz-Date"}) {
    auto twice = describe_endpoint();
    twice.headers.emplace_back(name, twice.header(name));
    EXPECT_EQ(verify(twice)->fault, AuthFault::kIncompleteSignature) << name;
  }
}

TEST_F(SigV4Verify, a_clock_may_be_five_minutes_off_and_no_more) {
  using namespace std::chrono_literals;
  EXPECT_EQ(verify(describe_endpoint(), kNow + 5min), std::nullopt);
  EXPECT_EQ(verify(describe_endpoint(), kNow - 5min), std::nullopt);
  expect(describe_endpoint(), AuthFault::kInvalidSignature,
         "Signature expired: 20260621T000000Z is now earlier than 20260621T000001Z (20260621T000501Z - 5 min.)",
         kNow + 5min + 1s);
  expect(describe_endpoint(), AuthFault::kInvalidSignature, "Signature not yet current: 20260621T000000Z is still later than",
         kNow - 5min - 1s);
}

TEST_F(SigV4Verify, a_date_that_no_clock_can_show_is_not_yet_current) {
  auto sent = describe_endpoint();
  sent.replace("X-Amz-Date", "2026", "2426");
  expect(sent, AuthFault::kInvalidSignature, "Signature not yet current: 24260621T000000Z is still later than");
}

TEST_F(SigV4Verify, the_scope_must_be_that_of_the_server) {
  const auto scoped = [&](std::string_view from, std::string_view to, std::string_view words) {
    auto sent = describe_endpoint();
    sent.replace("Authorization", from, to);
    expect(sent, AuthFault::kInvalidSignature, words);
  };
  scoped("/20260621/", "/20260620/", "Date in Credential scope does not match");
  scoped("us-east-1", "us-west-2", "Credential should be scoped to a valid region, not 'us-west-2'");
  scoped("sagemaker/", "s3/", "Credential should be scoped to correct service: 'sagemaker'.");
  scoped("aws4_request", "aws5_request", "valid terminator: 'aws4_request', not 'aws5_request'");
}

TEST_F(SigV4Verify, headers_that_steer_must_be_signed) {
  auto hostless = describe_endpoint();
  hostless.replace("Authorization", "host;", "");
  expect(hostless, AuthFault::kInvalidSignature, "'Host' must be a 'SignedHeader'");
  for (auto name : {"x-amz-date", "x-amz-target"}) {
    auto sent = describe_endpoint();
    sent.replace("Authorization", fmt::format(";{}", name), "");
    expect(sent, AuthFault::kInvalidSignature, "must be a 'SignedHeader'");
  }
  auto added = invoke_endpoint();
  added.headers.emplace_back("X-Amzn-SageMaker-Target-Variant", "other");
  expect(added, AuthFault::kInvalidSignature, "'X-Amzn-SageMaker-Target-Variant' must be a 'SignedHeader'");
}

TEST_F(SigV4Verify, an_unsigned_payload_is_refused_unless_allowed_and_a_stated_one_must_be_true) {
  auto good = signed_by_us("/", {}, "body", kCredentials, "s3");  // states the hash of its body
  const VerifyRules s3{.service = "s3"};
  EXPECT_EQ(verify(good, kNow, kCredentials, s3), std::nullopt);
  good.body = "other";
  EXPECT_NE(verify(good, kNow, kCredentials, s3)->message.find("'x-amz-content-sha256'"), std::string::npos);

  http::Headers headers = {{"Host", "h"}, {"X-Amz-Date", "20260621T000000Z"}, {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}};
  const SigningScope scope{"20260621", "us-east-1", "sagemaker"};
  const auto url = MUST(http::Url::parse("http://h/"));
  const auto request = canonical_request({"POST", url, headers, "UNSIGNED-PAYLOAD"}, "sagemaker");
  const auto proof =
      signature(signing_key(kCredentials.secret_access_key, scope), string_to_sign("20260621T000000Z", scope, request));
  Sent sent{.headers = {}, .body = "anything"};
  for (const auto& [name, value] : headers) sent.headers.emplace_back(name, value);
  sent.headers.emplace_back(
      "Authorization", fmt::format("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{}, SignedHeaders={}, Signature={}", scope.text(),
                                   signed_headers(headers), proof));
  expect(sent, AuthFault::kInvalidSignature, "may not be UNSIGNED-PAYLOAD");
  auto lenient = kRules;
  lenient.unsigned_payload = UnsignedPayload::kAllowed;
  EXPECT_EQ(verify(sent, kNow, kCredentials, lenient), std::nullopt);
}

TEST_F(SigV4Verify, a_session_token_belongs_to_its_credentials) {
  auto temporary = kCredentials;
  temporary.session_token = Secret("TOKEN");
  const auto sent = signed_by_us("/", {}, "{}", temporary);
  EXPECT_EQ(verify(sent, kNow, temporary), std::nullopt);
  EXPECT_EQ(verify(sent)->fault, AuthFault::kUnknownKey);
  EXPECT_EQ(verify(describe_endpoint(), kNow, temporary)->fault, AuthFault::kUnknownKey);
}

TEST_F(SigV4Verify, faults_have_the_codes_of_both_dialects) {
  EXPECT_EQ(code_of(AuthFault::kInvalidSignature, ErrorDialect::kJson), "InvalidSignatureException");
  EXPECT_EQ(code_of(AuthFault::kInvalidSignature, ErrorDialect::kQuery), "SignatureDoesNotMatch");
  EXPECT_EQ(code_of(unknown_key().fault, ErrorDialect::kJson), "UnrecognizedClientException");
  EXPECT_EQ(code_of(unknown_key().fault, ErrorDialect::kQuery), "InvalidClientTokenId");
}

}  // namespace
}  // namespace zeropull::aws
