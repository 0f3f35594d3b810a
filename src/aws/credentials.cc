#include "aws/credentials.h"

#include <stdlib.h>

#include "base/units.h"
#include "os/file.h"

namespace zeropull::aws {

namespace {

constexpr std::uint64_t kCredentialsFileMax = kMiB;

// A key pair from three optional values; kUnauthenticated when the pair is not complete.
Result<Credentials> complete(std::optional<std::string> id, std::optional<std::string> secret, std::optional<std::string> token) {
  if (!id || !secret || id->empty() || secret->empty())
    return make_error(Code::kUnauthenticated,
                      "an access key id and a secret access key belong together; one of the two is not set");
  Credentials out{.access_key_id = std::move(*id), .secret_access_key = Secret(std::move(*secret)), .session_token = {}};
  if (token && !token->empty()) out.session_token = Secret(std::move(*token));
  return out;
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = ::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Result<Credentials> parse_credentials_file(std::string_view text, std::string_view profile) {
  bool in_profile = false, found = false;
  std::optional<std::string> id, secret, token;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = http::trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      in_profile = http::trim(line.substr(1, line.find(']') - 1)) == profile;
      found = found || in_profile;
      continue;
    }
    const auto equals = line.find('=');
    if (!in_profile || equals == std::string_view::npos) continue;
    const auto name = http::to_lower(http::trim(line.substr(0, equals)));
    std::string value(http::trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id")
      id = std::move(value);
    else if (name == "aws_secret_access_key")
      secret = std::move(value);
    else if (name == "aws_session_token")
      token = std::move(value);
  }
  if (!found) return make_error(Code::kNotFound, "no section [{}]", profile);
  return complete(std::move(id), std::move(secret), std::move(token)).with_context("section [{}]", profile);
}

Result<Credentials> load_credentials(const Environment& environment) {
  auto id = environment("AWS_ACCESS_KEY_ID");
  auto secret = environment("AWS_SECRET_ACCESS_KEY");
  if (id || secret)
    return complete(std::move(id), std::move(secret), environment("AWS_SESSION_TOKEN"))
        .with_context("AWS credentials in the environment");

  const auto profile = environment("AWS_PROFILE").value_or("default");
  const auto home = environment("HOME").value_or("/root");
  const auto path = environment("AWS_SHARED_CREDENTIALS_FILE").value_or(home + "/.aws/credentials");
  auto text = os::read_text(path, kCredentialsFileMax);
  if (text.failed_with(Code::kNotFound))
    return make_error(Code::kUnauthenticated, "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write {}",
                      path);
  if (!text) return std::move(text).take_error();
  return parse_credentials_file(*text, profile).with_context("AWS credentials in {}", path);
}

}  // namespace zeropull::aws
