// AWS Signature Version 4: the Authorization header of a request, by "Create a signed AWS API request" of the IAM user guide.
// Its steps are functions of their own, so that a server can take a request apart and compute the same signature. Pure and
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/secret.h"
#include "http/headers.h"
#include "http/url.h"

namespace zeropull::aws {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::optional<Secret> session_token;  // of temporary credentials
};

// What a signature is good for: a day, a region, a service. text() is the credential scope "20150830/us-east-1/iam/aws4_request".
struct SigningScope {
  std::string date;  // YYYYMMDD
  std::string region;
  std::string service;
  std::string text() const;
};

struct RequestParts {
  std::string_view method;
  const http::Url& url;
  const http::Headers& headers;     // those to sign, with Host and X-Amz-Date
  std::string_view payload_sha256;  // 64 hex digits, or "UNSIGNED-PAYLOAD"
};

// "20150830T123600Z".
std::string amz_date(WallTime time);

// "host;x-amz-date": the names of all headers, lower case, sorted, without duplicates.
std::string signed_headers(const http::Headers& headers);
// The canonical request. S3 takes the path as it is; every other service's is normalised and encoded once more.
std::string canonical_request(const RequestParts& parts, std::string_view service);
std::string string_to_sign(std::string_view amz_date, const SigningScope& scope, std::string_view canonical_request);
// The key of a scope's signatures: 32 raw bytes, derived from the secret.
Secret signing_key(const Secret& secret_access_key, const SigningScope& scope);
// The signature in hex.
std::string signature(const Secret& signing_key, std::string_view string_to_sign);

// The whole of it: adds Host, X-Amz-Date, X-Amz-Security-Token where there is one, X-Amz-Content-Sha256 for S3, and
// Authorization. Every header that is there already is signed, so add those that a proxy may change afterwards.
struct SignOptions {
  std::string region;
  std::string service;
  WallTime time;
};
void sign(std::string_view method, const http::Url& url, http::Headers& headers, ByteView body, const Credentials& credentials,
          const SignOptions& options);

}  // namespace zeropull::aws
