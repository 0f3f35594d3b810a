#include "oci/login.h"

#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "codec/json.h"
#include "http/headers.h"
#include "oci/limits.h"
#include "os/file.h"
#include "os/process.h"

namespace zeropull::oci {

namespace {

constexpr std::string_view kDockerHub = "docker.io";
constexpr const char* kDockerHubServer = "https://index.docker.io/v1/";  // docker's key for it since its first registry
constexpr std::string_view kNotFoundText = "credentials not found";      // docker-credential-helpers' ErrCredentialsNotFound

// Keys of `auths` and `credHelpers` are hosts, or URLs in older files.
std::string host_of_key(std::string_view key) {
  if (const auto scheme = key.find("://"); scheme != std::string_view::npos) key.remove_prefix(scheme + 3);
  std::string host = http::to_lower(key.substr(0, key.find('/')));
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = kDockerHub;
  return host;
}

// A helper's name becomes a program's name, so it must not become a path.
bool is_helper_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

Result<std::optional<Login>> parse_auth(const nlohmann::json& entry) {
  Login login;
  auto token = TRY(codec::json_optional_string(entry, "identitytoken"));
  auto auth = TRY(codec::json_optional_string(entry, "auth"));
  auto username = TRY(codec::json_optional_string(entry, "username"));
  auto password = TRY(codec::json_optional_string(entry, "password"));
  if (auth && !auth->empty()) {
    auto decoded = codec::base64_decode(*auth);
    const std::string text(decoded ? as_text(*decoded) : std::string_view());
    const auto colon = text.find(':');
    if (!decoded || colon == std::string::npos)
      return make_error(Code::kInvalidArgument, "auth is not the base64 of user:password");
    login.username = text.substr(0, colon);
    login.password = Secret(text.substr(colon + 1));
  } else if (username && password) {
    login.username = std::move(*username);
    login.password = Secret(std::move(*password));
  }
  if (token && !token->empty()) {
    login.password = Secret(std::move(*token));
    login.identity_token = true;
  }
  if (login.password.empty()) return std::optional<Login>();
  return std::optional(std::move(login));
}

Result<std::optional<Login>> ask_helper(const Context& ctx, const std::string& name, const std::string& server) {
  auto output = os::run_program(ctx, {.argv = {"docker-credential-" + name, "get"}, .input = server});
  if (output.failed_with(Code::kUnknown) && output.error().message().contains(kNotFoundText)) return std::optional<Login>();
  auto printed = TRY(std::move(output).with_context("credential helper for {}", server));
  const Secret text(std::move(printed));
  const auto document =
      TRY(codec::parse_json(text.reveal(), {.size_max = kTokenAnswerMax}).with_context("docker-credential-{}", name));
  auto username = TRY(codec::json_string(document, "Username").with_context("docker-credential-{}", name));
  auto secret = TRY(codec::json_string(document, "Secret").with_context("docker-credential-{}", name));
  const bool identity_token = username == "<token>";
  return std::optional(Login{std::move(username), Secret(std::move(secret)), identity_token});
}

}  // namespace

Result<std::optional<Login>> LoginSources::find(const Context& ctx, const std::string& host) {
  for (const auto& source : sources_) {
    auto login = TRY(source->find(ctx, host));
    if (login) return login;
  }
  return std::optional<Login>();
}

void LoginSources::forget(const std::string& host) {
  for (const auto& source : sources_) source->forget(host);
}

Result<std::shared_ptr<LoginSource>> DockerConfig::parse(std::string_view text) {
  const auto document = TRY(codec::parse_json(text, {.size_max = kAuthFileMax}));
  if (!document.is_object()) return make_error(Code::kInvalidArgument, "expected a JSON object");
  std::shared_ptr<DockerConfig> config(new DockerConfig());
  const auto* auths = TRY(codec::json_optional_object(document, "auths"));
  if (auths != nullptr) {
    for (const auto& [key, entry] : auths->items()) {
      if (!entry.is_object()) return make_error(Code::kInvalidArgument, "auths/{}: expected an object", key);
      auto login = TRY(parse_auth(entry).with_context("auths/{}", key));
      if (login) config->logins_.emplace(host_of_key(key), std::move(*login));
    }
  }
  const auto helpers = TRY(codec::json_optional_string_map(document, "credHelpers"));
  for (const auto& [key, name] : helpers) config->helpers_.emplace(host_of_key(key), name);
  auto store = TRY(codec::json_optional_string(document, "credsStore"));
  config->store_ = store.value_or("");
  for (const auto& [host, name] : config->helpers_)
    if (!is_helper_name(name))
      return make_error(Code::kInvalidArgument, "credHelpers/{}: \"{}\" is no helper's name", host, name);
  if (!config->store_.empty() && !is_helper_name(config->store_))
    return make_error(Code::kInvalidArgument, "credsStore: \"{}\" is no helper's name", config->store_);
  return std::shared_ptr<LoginSource>(std::move(config));
}

Result<std::shared_ptr<LoginSource>> DockerConfig::load(const std::string& path) {
  auto file = TRY(os::read_text(path, kAuthFileMax).with_context("registry logins"));
  const Secret text(std::move(file));
  return parse(text.reveal()).with_context("registry logins in {}", path);
}

Result<std::shared_ptr<LoginSource>> DockerConfig::load_default() {
  const char* folder = ::getenv("DOCKER_CONFIG");
  const char* home = ::getenv("HOME");
  const std::string path = folder != nullptr ? std::string(folder) + "/config.json"
                                             : std::string(home != nullptr ? home : "/root") + "/.docker/config.json";
  if (!os::exists(path)) return parse("{}");
  return load(path);
}

// docker's order: the host's own helper, the store, and what the file itself holds.
Result<std::optional<Login>> DockerConfig::find(const Context& ctx, const std::string& host) {
  const auto helper = helpers_.find(host);
  const auto& name = helper != helpers_.end() ? helper->second : store_;
  if (!name.empty()) {
    auto login = TRY(ask_helper(ctx, name, host == kDockerHub ? kDockerHubServer : host));
    if (login) return login;
  }
  const auto found = logins_.find(host);
  if (found == logins_.end()) return std::optional<Login>();
  return std::optional(found->second);
}

}  // namespace zeropull::oci
