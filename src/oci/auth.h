// Authorization at a registry: the WWW-Authenticate challenges of a 401 (RFC 9110 section 11), answered with Basic, or with a
// Bearer token from the realm's token server (distribution's "Token Authentication Specification" and its OAuth2 variant).
//
// An Authorizer serves one repository at one registry and all threads that fetch from it: one of them gets a token, the others
// wait for that one. Tokens are renewed before they expire.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/guarded.h"
#include "base/secret.h"
#include "http/client.h"
#include "oci/login.h"

namespace zeropull::oci {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
};
// Every challenge of every WWW-Authenticate field; what cannot be read ends its field.
std::vector<Challenge> parse_challenges(const http::Headers& headers);

class Authorizer {
 public:
  struct Target {
    http::Url base;          // the registry's API
    std::string host;        // as in the reference: whose login
    std::string repository;  // the token's scope
  };
  // All three outlive the authorizer.
  Authorizer(Target target, http::HttpClient& client, LoginSource& logins, const Clock& clock)
      : target_(std::move(target)), client_(client), logins_(logins), clock_(clock) {}

  // The Authorization value to send, renewed when its token is about to expire; empty while the registry has asked for none.
  Result<Secret> current(const Context& ctx);

  // After a 401 or 403 to a request that carried `used`: gets another value. kUnauthenticated or kPermissionDenied, with what to
  // do, when the registry's challenge cannot be answered.
  Result<void> renew(const Context& ctx, const http::Response& refusal, const Secret& used);

 private:
  struct State {
    Secret value;
    std::optional<WallTime> expires;
    std::optional<Challenge> challenge;  // the one that was answered last
    bool renewing = false;               // one thread is asking; the others wait
  };
  struct Answer {
    Secret value;
    std::optional<WallTime> expires;
  };
  // Ends what its caller began by setting State::renewing.
  Result<Secret> replace(const Context& ctx, const Challenge& challenge);
  Result<Answer> answer(const Context& ctx, const Challenge& challenge);
  Result<Answer> fetch_token(const Context& ctx, const Challenge& challenge, const std::optional<Login>& login);
  bool expires_soon(const State& state) const;

  const Target target_;
  http::HttpClient& client_;
  LoginSource& logins_;
  const Clock& clock_;
  Guarded<State> state_;
};

// "Basic <base64 of user:password>".
Secret basic_authorization(const Login& login);

}  // namespace zeropull::oci
