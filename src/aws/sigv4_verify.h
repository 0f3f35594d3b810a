// Verifying Signature Version 4: who sent a request, and that nobody changed it. A server goes three steps, so that it can refuse
// on the headers alone, while the body is still on its way:
//
//   auto parsed = parse_authorization(headers);            // what the request claims
//   if (auto* failure = std::get_if<AuthFailure>(&parsed)) ..
//   auto credentials = find_secret(auth.access_key_id);    // the server's own; absent: unknown_key()
//   if (auto failure = check_claims(headers, auth, rules, now)) ..
//   .. hash the body ..
//   if (auto failure = verifier.verify(request, auth, body_sha256, credentials, rules, now)) ..
//
// Failures come in AWS's order and words, so that unmodified clients report what they report of AWS. All requests here carry
// their signature in the Authorization header; signatures in a query are not known. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "aws/limits.h"
#include "aws/sigv4.h"
#include "base/guarded.h"
#include "base/ids.h"

namespace zeropull::aws {

enum class AuthFault { kMissingToken, kIncompleteSignature, kUnknownKey, kInvalidSignature, kExpiredToken, kAccessDenied };

// The error code of a fault: the JSON services say "InvalidSignatureException" what the Query protocol calls
// "SignatureDoesNotMatch".
enum class ErrorDialect { kJson, kQuery };
std::string_view code_of(AuthFault fault, ErrorDialect dialect);
inline constexpr int kAuthFailureStatus = 403;

struct AuthFailure {
  AuthFault fault;
  std::string message;
};
AuthFailure unknown_key();

struct HeaderView {
  std::string_view name;
  std::string_view value;
};
using HeaderViews = std::span<const HeaderView>;

struct RequestView {
  std::string_view method;
  std::string_view target;  // of the request line: path and query as sent
  HeaderViews headers;
};

// What the headers of a request claim; nothing of it is proven. Its texts point into the headers.
struct Authorization {
  std::string_view access_key_id;
  std::string_view credential;  // "<access key id>/<date>/<region>/<service>/<terminator>"
  std::string_view scope;       // the same behind the access key id
  std::string_view date, region, service, terminator;
  std::string_view signed_headers;  // "host;x-amz-date": lower case, ascending
  std::string_view signature;
  std::string_view amz_date;
  WallTime time;  // amz_date's
  std::optional<std::string_view> content_sha256;
  std::optional<std::string_view> security_token;
};

// kMissingToken without an Authorization header; kIncompleteSignature for one that is not of this algorithm or not well formed,
// and without X-Amz-Date.
[[nodiscard]] std::variant<Authorization, AuthFailure> parse_authorization(HeaderViews headers);

enum class UnsignedPayload { kRefused, kAllowed };

// What the server addressed expects of a request.
struct VerifyRules {
  std::string_view service;                               // "sagemaker"
  std::optional<std::string_view> region = std::nullopt;  // any when unset
  Duration skew_max = kClockSkewMax;
  UnsignedPayload unsigned_payload = UnsignedPayload::kRefused;  // X-Amz-Content-Sha256: UNSIGNED-PAYLOAD
};

// The claims that can be judged without the secret: age, scope, and that host, x-amz-date and every other x-amz-* and x-amzn-*
// header (but X-Amzn-Trace-Id, which proxies add) is signed. Each failure is kInvalidSignature.
[[nodiscard]] std::optional<AuthFailure> check_claims(HeaderViews headers, const Authorization& claims, const VerifyRules& rules,
                                                      WallTime now);

class SignatureVerifier {
 public:
  // check_claims() and the signature, under the server's own credentials for claims.access_key_id; `body` is the SHA-256 of the
  // body as received. nullopt: the owner of the secret sent this request.
  [[nodiscard]] std::optional<AuthFailure> verify(const RequestView& request, const Authorization& claims, const Sha256& body,
                                                  const Credentials& credentials, const VerifyRules& rules, WallTime now);

 private:
  struct DerivedKey {
    Secret from;  // the secret access key that it was derived from
    Secret key;
  };
  std::optional<Secret> find_key(const Authorization& claims, const Credentials& credentials);
  void remember(const Authorization& claims, const Credentials& credentials, const Secret& key);

  Guarded<std::map<std::string, DerivedKey, std::less<>>> keys_;  // by Authorization::credential; of good signatures alone
};

}  // namespace zeropull::aws
