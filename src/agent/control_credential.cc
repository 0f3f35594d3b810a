#include "agent/control_credential.h"

#include "agent/log.h"
#include "identity/limits.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {

constexpr std::string_view kCertificateBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kRequestBegin = "-----BEGIN CERTIFICATE REQUEST-----";
constexpr Duration kAnyAge = std::chrono::days(3650);

Result<ControlCredential> check(identity::Credential credential, const std::string& authority_pem, WallTime now) {
  ControlCredential checked;
  checked.certificate = TRY(identity::verify_instance_certificate(
      credential.certificate_pem,
      {.authority_pem = authority_pem, .purpose = identity::Purpose::kClient, .at = now, .expired_max = kAnyAge}));
  TRY(identity::check_key_belongs(credential));
  checked.credential = std::move(credential);
  return checked;
}

}  // namespace

Result<CredentialFolder> CredentialFolder::create(std::string folder, std::string authority_pem) {
  TRY(os::ensure_folder(folder, 0700));
  CredentialFolder made(std::move(folder), std::move(authority_pem));
  TRY(os::replace_file(made.authority_file(), as_bytes(made.authority_pem_), 0644));
  return made;
}

Result<std::optional<ControlCredential>> CredentialFolder::load(WallTime now) const {
  auto read = os::read_secret(credential_file(), 2 * identity::kPemMax);
  if (read.failed_with(Code::kNotFound)) return std::optional<ControlCredential>{};
  auto text = TRY(std::move(read));
  const auto at = std::min(text.reveal().find(kCertificateBegin), text.reveal().size());
  auto checked =
      check({.certificate_pem = text.reveal().substr(at), .key_pem = Secret(text.reveal().substr(0, at))}, authority_pem_, now);
  if (!checked.ok()) {
    LOG_WARN(kLog, "{} is of no use any more: {}", credential_file(), checked.error().to_string());
    return std::optional<ControlCredential>{};
  }
  const auto& certificate = checked->certificate;
  checked->renew_at = certificate.not_after - (certificate.not_after - certificate.not_before) / 2;
  return std::optional<ControlCredential>(std::move(checked).take());
}

Result<identity::KeyAndRequest> CredentialFolder::ensure_request() const {
  auto read = os::read_secret(pending_file(), 2 * identity::kPemMax);
  if (!read.ok() && !read.failed_with(Code::kNotFound)) return std::move(read).take_error();
  if (read.ok()) {
    const auto at = read->reveal().find(kRequestBegin);
    if (at != std::string::npos)
      return identity::KeyAndRequest{.key_pem = Secret(read->reveal().substr(0, at)), .csr_pem = read->reveal().substr(at)};
  }
  auto made = TRY(identity::make_key_and_request());
  const Secret both(made.key_pem.reveal() + made.csr_pem);
  TRY(os::replace_file(pending_file(), as_bytes(both.reveal()), 0600));
  return made;
}

Result<ControlCredential> CredentialFolder::save(const identity::KeyAndRequest& key, const std::string& certificate_pem,
                                                 WallTime now) const {
  auto checked = TRY(check({.certificate_pem = certificate_pem, .key_pem = key.key_pem}, authority_pem_, now)
                         .with_context("the certificate that the control plane sent"));
  checked.renew_at = now + (checked.certificate.not_after - now) / 2;
  const Secret both(key.key_pem.reveal() + certificate_pem);
  TRY(os::replace_file(credential_file(), as_bytes(both.reveal()), 0600));
  TRY(os::remove_file(pending_file()));
  return checked;
}

}  // namespace zeropull::agent
