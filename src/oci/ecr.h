// EcrLogins: logins at Amazon ECR's registries (ACCOUNT.dkr.ecr.REGION.amazonaws.com), made of AWS credentials by ECR's
// GetAuthorizationToken, whose answer is good for twelve hours and is kept until shortly before its end. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "http/client.h"
#include "oci/login.h"

namespace zeropull::oci {

struct EcrHost {
  std::string account;
  std::string region;
  std::string api;  // the service's own host: "api.ecr.eu-west-1.amazonaws.com"
};
std::optional<EcrHost> parse_ecr_host(std::string_view host);

struct EcrOptions {
  std::function<Result<aws::Credentials>()> credentials;  // loaded anew for each token
  std::optional<http::Url> endpoint = std::nullopt;       // in place of https://<api>/, for private endpoints
};

class EcrLogins final : public LoginSource {
 public:
  // `client` and `clock` outlive this.
  EcrLogins(EcrOptions options, http::HttpClient& client, const Clock& clock)
      : options_(std::move(options)), client_(client), clock_(clock) {}
  Result<std::optional<Login>> find(const Context& ctx, const std::string& host) override;
  void forget(const std::string& host) override;

 private:
  Result<Login> fetch(const Context& ctx, const EcrHost& host);

  const EcrOptions options_;
  http::HttpClient& client_;
  const Clock& clock_;
  Guarded<std::map<std::string, Login>> logins_;  // by registry host
};

}  // namespace zeropull::oci
