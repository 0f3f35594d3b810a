#include "oci/auth.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "codec/json.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

// A token is renewed this long before its end, so that a request does not carry one that ends on its way; a token that lives
// shorter than twice this is used for half its life.
constexpr auto kRenewBefore = std::chrono::seconds(30);
constexpr std::int64_t kTokenSecondsDefault = 60;  // of the token specification, where expires_in is absent
constexpr std::int64_t kTokenSecondsMax = 86400;

// Reads one WWW-Authenticate value: scheme, then name=value or name="value" joined by commas, then perhaps the next scheme.
class ChallengeReader {
 public:
  explicit ChallengeReader(std::string_view text) : rest_(text) {}

  void read_into(std::vector<Challenge>& out) {
    while (skip(" \t,"), !rest_.empty()) {
      const auto word = token();
      if (word.empty()) return;
      if (rest_.starts_with('=')) {
        if (out.empty() || !read_value(out.back().parameters[http::to_lower(word)])) return;
      } else {
        out.push_back({http::to_lower(word), {}});
      }
    }
  }

 private:
  void skip(std::string_view characters) { rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size())); }

  std::string_view token() {
    const auto word = rest_.substr(0, rest_.find_first_of(" \t,=\""));
    rest_.remove_prefix(word.size());
    return word;
  }

  bool read_value(std::string& value) {
    rest_.remove_prefix(1);
    value.clear();
    if (!rest_.starts_with('"')) {
      value = token();
      return true;
    }
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value += rest_[i];
    }
    return false;
  }

  std::string_view rest_;
};

const Challenge* choose(const std::vector<Challenge>& challenges) {
  for (std::string_view scheme : {"bearer", "basic"})
    for (const auto& challenge : challenges)
      if (challenge.scheme == scheme) return &challenge;
  return nullptr;
}

std::string parameter(const Challenge& challenge, const char* name) {
  const auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? "" : found->second;
}

}  // namespace

std::vector<Challenge> parse_challenges(const http::Headers& headers) {
  std::vector<Challenge> out;
  for (auto field : headers.find_all("WWW-Authenticate")) {
    std::vector<Challenge> some;
    ChallengeReader(field).read_into(some);
    out.insert(out.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return out;
}

Secret basic_authorization(const Login& login) {
  const Secret pair(login.username + ":" + login.password.reveal());
  return Secret("Basic " + codec::base64_encode(as_bytes(pair.reveal())));
}

bool Authorizer::expires_soon(const State& state) const { return state.expires && clock_.wall_now() >= *state.expires; }

Result<Secret> Authorizer::current(const Context& ctx) {
  std::optional<Challenge> challenge;
  {
    auto state = state_.lock();
    if (!state.wait(ctx, [&] { return !state->renewing; })) TRY(ctx.check());
    if (!expires_soon(*state)) return state->value;
    state->renewing = true;
    challenge = state->challenge;
  }
  return replace(ctx, *challenge);
}

Result<void> Authorizer::renew(const Context& ctx, const http::Response& refusal, const Secret& used) {
  const auto challenges = parse_challenges(refusal.headers);
  std::optional<Challenge> challenge;
  {
    auto state = state_.lock();
    if (!state.wait(ctx, [&] { return !state->renewing; })) TRY(ctx.check());
    if (state->value.reveal() != used.reveal()) return {};  // another thread was first
    const Challenge* offered = choose(challenges);
    challenge = offered != nullptr ? std::optional(*offered) : state->challenge;
    if (!challenge) {
      return make_error(refusal.status == 403 ? Code::kPermissionDenied : Code::kUnauthenticated,
                        "{} answered {} and asks for no login that is known here (Bearer or Basic)", target_.host,
                        refusal.status);
    }
    state->renewing = true;
  }
  if (!used.empty()) logins_.forget(target_.host);
  auto value = replace(ctx, *challenge);
  if (!value) return std::move(value).take_error();
  return {};
}

Result<Secret> Authorizer::replace(const Context& ctx, const Challenge& challenge) {
  auto answered = answer(ctx, challenge);
  auto state = state_.lock();
  state->renewing = false;
  state.notify_all();
  if (!answered) return std::move(answered).take_error();
  state->value = std::move(answered->value);
  state->expires = answered->expires;
  state->challenge = challenge;
  return state->value;
}

Result<Authorizer::Answer> Authorizer::answer(const Context& ctx, const Challenge& challenge) {
  auto login = TRY(logins_.find(ctx, target_.host));
  if (challenge.scheme == "bearer") return fetch_token(ctx, challenge, login);
  if (!login || login->identity_token)
    return make_error(Code::kUnauthenticated,
                      "{} asks for a user and a password; log in to it first, or name a file with the login", target_.host);
  return Answer{basic_authorization(*login), login->expires};
}

Result<Authorizer::Answer> Authorizer::fetch_token(const Context& ctx, const Challenge& challenge,
                                                   const std::optional<Login>& login) {
  const auto realm = TRY(http::Url::parse(parameter(challenge, "realm")).with_context("the realm that {} names", target_.host));
  if (target_.base.secure() && !realm.secure())
    return make_error(Code::kPermissionDenied, "{} names the token server {}, which is not https", target_.host,
                      realm.text_without_query());

  const auto service = parameter(challenge, "service");
  auto scope = parameter(challenge, "scope");
  if (scope.empty()) scope = fmt::format("repository:{}:pull", target_.repository);
  std::string form = "scope=" + http::percent_encode(scope);
  if (!service.empty()) form = "service=" + http::percent_encode(service) + "&" + form;

  http::Request request{.url = realm, .response_max = kTokenAnswerMax};
  Secret body;
  if (login && login->identity_token) {
    body = Secret(form +
                  "&client_id=zeropull&grant_type=refresh_token&refresh_token=" + http::percent_encode(login->password.reveal()));
    request.method = "POST";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = as_bytes(body.reveal());
  } else {
    request.url = realm.with_path(realm.path(), realm.query().empty() ? form : realm.query() + "&" + form);
    if (login) request.headers.set("Authorization", basic_authorization(*login).reveal());
  }
  const auto asked = clock_.wall_now();
  const auto response = TRY(client_.request(ctx, request).with_context("token for {}", target_.host));
  if (!response.ok()) {
    const bool refused = response.status == 401 || response.status == 403 || response.status == 400;
    return make_error(refused ? Code::kUnauthenticated : Code::kUnavailable, "the token server {} answered {} {}",
                      realm.text_without_query(), response.status,
                      login ? "to the login for " + target_.host : "to a request without a login; log in first");
  }
  const auto document =
      TRY(codec::parse_json(response.body, {.size_max = kTokenAnswerMax}).with_context("token for {}", target_.host));
  auto token = TRY(codec::json_optional_string(document, "token"));
  auto access_token = TRY(codec::json_optional_string(document, "access_token"));
  if (!token || token->empty()) token = std::move(access_token);
  if (!token || token->empty()) return make_error(Code::kUnauthenticated, "the token server of {} gave no token", target_.host);
  const auto lifetime = TRY(codec::json_optional_int(document, "expires_in"));
  const std::chrono::seconds lives(std::clamp<std::int64_t>(lifetime.value_or(kTokenSecondsDefault), 0, kTokenSecondsMax));
  const auto early = std::min<std::chrono::seconds>(kRenewBefore, lives / 2);
  return Answer{Secret("Bearer " + *token), asked + lives - early};
}

}  // namespace zeropull::oci
