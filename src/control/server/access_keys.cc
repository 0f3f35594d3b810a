#include "control/server/access_keys.h"

#include <algorithm>
#include <array>

#include "control/state/millis.h"

namespace zeropull::server {

namespace {

constexpr std::size_t kIdLetters = 16;      // after "AKIA", as AWS's
constexpr std::size_t kSecretLetters = 40;  // 6 bits each: more than the 160 that signing keeps of any secret
constexpr std::size_t kNameMax = 128;

std::string random_text(Random& random, std::string_view alphabet, std::size_t letters) {
  std::string text;
  std::array<std::byte, 1> one{};
  const auto fair = 256 - 256 % alphabet.size();  // bytes above would prefer the first letters
  while (text.size() < letters) {
    random.fill(one);
    auto value = std::to_integer<std::size_t>(one[0]);
    if (value < fair) text += alphabet[value % alphabet.size()];
  }
  return text;
}

}  // namespace

std::string AccessKeys::unused_account() const {
  auto keys = state_.view().access_keys();
  while (true) {
    auto account = random_text(random_, "123456789", 1) + random_text(random_, "0123456789", 11);
    if (std::ranges::none_of(keys, [&](const auto& key) { return key->account == account; })) return account;
  }
}

Result<NewAccessKey> AccessKeys::create(const Context& ctx, const std::string& account, const std::string& name) {
  if (!account.empty() && (account.size() != 12 || account.find_first_not_of("0123456789") != std::string::npos)) {
    return make_error(Code::kInvalidArgument, "account {:?}: an account is twelve digits", account);
  }
  if (name.size() > kNameMax) return make_error(Code::kInvalidArgument, "the name is longer than {} bytes", kNameMax);
  NewAccessKey made;
  made.key.id = "AKIA" + random_text(random_, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", kIdLetters);
  made.key.account = account.empty() ? unused_account() : account;
  made.key.name = name;
  made.key.created = state::millis_of(clock_.wall_now());
  made.secret = Secret(random_text(random_, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", kSecretLetters));
  made.key.wrapped_secret = master_key_.wrap(made.secret, "access-key/" + made.key.id, random_);
  state::Changes changes;
  changes.add(made.key);
  TRY(state_.commit(ctx, std::move(changes)).with_context("create an access key"));
  return made;
}

Result<void> AccessKeys::revoke(const Context& ctx, const std::string& id) {
  auto revision = state_.update(ctx, [&](const state::View& view) -> Result<state::Changes> {
    auto key = view.access_key(id);
    if (key == nullptr) return make_error(Code::kNotFound, "no access key {}", id);
    state::Changes changes;
    if (key->revoked != 0) return changes;
    state::AccessKey revoked = *key;
    revoked.revoked = state::millis_of(clock_.wall_now());
    changes.put(key, std::move(revoked));
    return changes;
  });
  if (!revision.ok()) return std::move(revision).take_error();
  return {};
}

}  // namespace zeropull::server
