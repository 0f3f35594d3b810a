#include "control/api/authenticator.h"

#include "control/api/log.h"

namespace zeropull::api {

namespace {

Refused refused_in(aws::ErrorDialect dialect, const aws::AuthFailure& failure) {
  return {aws::kAuthFailureStatus, std::string(aws::code_of(failure.fault, dialect)), failure.message};
}

}  // namespace

std::optional<Refused> Authenticator::authenticate(const aws::RequestView& request, const Sha256* body, std::string& account,
                                                   const Addressee& addressee) const {
  const aws::VerifyRules rules{.service = addressee.service};
  auto refused = [&](const aws::AuthFailure& failure) { return refused_in(addressee.dialect, failure); };
  auto parsed = aws::parse_authorization(request.headers);
  if (const auto* failure = std::get_if<aws::AuthFailure>(&parsed)) return refused(*failure);
  const auto& claims = std::get<aws::Authorization>(parsed);
  auto key = state_.view().access_key(claims.access_key_id);
  if (key == nullptr || key->revoked != 0) return refused(aws::unknown_key());
  if (auto failure = aws::check_claims(request.headers, claims, rules, clock_.wall_now())) return refused(*failure);
  if (body != nullptr) {
    auto secret = unwrap_(*key);
    if (!secret.ok()) {
      LOG_ERROR(kLog, "unwrap the secret of access key {}: {}", key->id, secret.error().to_string());
      return Refused{500, "InternalFailure", "The access key cannot be read; its secret is wrapped under another master key."};
    }
    aws::Credentials credentials{key->id, std::move(secret).take(), std::nullopt};
    if (auto failure = verifier_.verify(request, claims, *body, credentials, rules, clock_.wall_now())) return refused(*failure);
  }
  account = key->account;
  return std::nullopt;
}

}  // namespace zeropull::api
