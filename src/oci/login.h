// LoginSource: who we are at a registry. Sources: docker's config.json with its credential helpers, Amazon ECR's token service
// (ecr.h), and a list of them. Thread-safe; a source may run a program or ask a server.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"

namespace zeropull::oci {

struct Login {
  std::string username;
  Secret password;
  // An OAuth2 refresh token in the password's place, from `docker login` with an identity provider.
  bool identity_token = false;
  std::optional<WallTime> expires = std::nullopt;  // ask again from then on
};

class LoginSource {
 public:
  virtual ~LoginSource() = default;
  // `host` as in a reference: "docker.io", "host:5000". nullopt: this source knows none, which is no error.
  virtual Result<std::optional<Login>> find(const Context& ctx, const std::string& host) = 0;
  // The registry refused what find() gave: do not give it from a cache again.
  virtual void forget(const std::string& host) { (void)host; }
};

// Asks each in turn; the first login wins.
class LoginSources final : public LoginSource {
 public:
  explicit LoginSources(std::vector<std::shared_ptr<LoginSource>> sources) : sources_(std::move(sources)) {}
  Result<std::optional<Login>> find(const Context& ctx, const std::string& host) override;
  void forget(const std::string& host) override;

 private:
  const std::vector<std::shared_ptr<LoginSource>> sources_;
};

// docker's config.json (and podman's auth.json): `auths`, `credHelpers`, `credsStore`. The helpers are programs
// docker-credential-NAME in PATH and are asked anew each time, so that their short-lived tokens are fresh.
class DockerConfig final : public LoginSource {
 public:
  // kInvalidArgument when it is not such a file. The file is read once.
  static Result<std::shared_ptr<LoginSource>> load(const std::string& path);
  // $DOCKER_CONFIG/config.json or ~/.docker/config.json; no logins when it is absent.
  static Result<std::shared_ptr<LoginSource>> load_default();
  static Result<std::shared_ptr<LoginSource>> parse(std::string_view text);

  Result<std::optional<Login>> find(const Context& ctx, const std::string& host) override;

 private:
  DockerConfig() = default;
  std::map<std::string, Login> logins_;         // by host
  std::map<std::string, std::string> helpers_;  // host -> helper's name
  std::string store_;                           // the helper for all other hosts, or empty
};

}  // namespace zeropull::oci
