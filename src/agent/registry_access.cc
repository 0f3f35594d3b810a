#include "agent/registry_access.h"

#include <algorithm>

namespace zeropull::agent {

namespace {

// The account's logins, as the control plane gave them.
class GivenLogins final : public oci::LoginSource {
 public:
  explicit GivenLogins(std::vector<RegistryAccess> accesses) : accesses_(std::move(accesses)) {}
  Result<std::optional<oci::Login>> find(const Context&, const std::string& host) override {
    auto access = std::ranges::find(accesses_, host, &RegistryAccess::host);
    if (access == accesses_.end() || access->username.empty()) return std::optional<oci::Login>();
    return std::optional(oci::Login{.username = access->username, .password = access->password});
  }

 private:
  const std::vector<RegistryAccess> accesses_;
};

}  // namespace

void use_accesses(const std::vector<RegistryAccess>& accesses, const std::string& host, oci::RegistryOptions& options) {
  if (!accesses.empty()) options.logins = std::make_shared<GivenLogins>(accesses);
  auto access = std::ranges::find(accesses, host, &RegistryAccess::host);
  if (access == accesses.end()) return;
  if (access->transport == RegistryAccess::Transport::kPlain) options.plain = http::Plain::kAllowed;
  if (!access->mirrors.empty()) options.mirrors = access->mirrors;
  if (access->aws.access_key_id.empty()) return;
  aws::Credentials credentials;
  credentials.access_key_id = access->aws.access_key_id;
  credentials.secret_access_key = access->aws.secret_access_key;
  if (!access->aws.session_token.empty()) credentials.session_token = access->aws.session_token;
  options.aws_credentials = [credentials]() -> Result<aws::Credentials> { return credentials; };
  if (auto endpoint = http::Url::parse(access->aws.endpoint_url); endpoint.ok())
    options.ecr_endpoint = std::move(endpoint).take();
}

}  // namespace zeropull::agent
