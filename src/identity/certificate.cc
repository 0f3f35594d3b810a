#include "identity/certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/check.h"
#include "identity/limits.h"
#include "identity/openssl.h"

namespace zeropull::identity {

namespace {

struct FreeVerification {
  void operator()(X509_STORE* x) const { X509_STORE_free(x); }
  void operator()(X509_STORE_CTX* x) const { X509_STORE_CTX_free(x); }
  void operator()(GENERAL_NAMES* x) const { GENERAL_NAMES_free(x); }
};
template <typename T>
using Held = std::unique_ptr<T, FreeVerification>;

Result<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return openssl_error(Code::kInvalidArgument, "a certificate's time");
  return wall_time(timegm(&parts));
}

// nullopt for another number of URI names than one.
std::optional<std::string> only_uri(X509* certificate) {
  Held<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::optional<std::string> uri;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (uri) return std::nullopt;
    const auto* text = name->d.uniformResourceIdentifier;
    uri.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return uri;
}

Result<void> verify_signed(X509* certificate, X509* authority, Purpose purpose, WallTime at) {
  Held<X509_STORE> store(X509_STORE_new());
  Held<X509_STORE_CTX> context(X509_STORE_CTX_new());
  CHECK(store != nullptr && context != nullptr);
  const int wanted = purpose == Purpose::kClient ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER;
  bool ready = X509_STORE_add_cert(store.get(), authority) == 1 &&
               X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) == 1 &&
               X509_STORE_CTX_set_purpose(context.get(), wanted) == 1;
  if (!ready) return openssl_error(Code::kInternal, "verify a certificate");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(at));
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  if (X509_verify_cert(context.get()) == 1) return {};
  ERR_clear_error();
  const int reason = X509_STORE_CTX_get_error(context.get());
  return make_error(Code::kUnauthenticated, "certificate refused: {}", X509_verify_cert_error_string(reason));
}

}  // namespace

Result<KeyAndRequest> make_key_and_request() {
  auto key = TRY(make_key());
  Owned<X509_REQ> request(X509_REQ_new());
  Owned<BIO> out(BIO_new(BIO_s_mem()));
  const bool made = request && out && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                    X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0 &&
                    PEM_write_bio_X509_REQ(out.get(), request.get()) == 1;
  if (!made) return openssl_error(Code::kInternal, "make a certificate request");
  KeyAndRequest made_both;
  made_both.key_pem = TRY(key_text(key.get()));
  made_both.csr_pem = contents_of(out.get());
  return made_both;
}

Result<CertificateInfo> verify_certificate(std::string_view certificate_pem, const CertificateCheck& check) {
  auto certificate = TRY(parse_certificate(certificate_pem));
  auto authority = TRY(parse_certificate(check.authority_pem).with_context("the authority's certificate"));
  CertificateInfo info;
  info.not_before = TRY(time_of(X509_get0_notBefore(certificate.get())));
  info.not_after = TRY(time_of(X509_get0_notAfter(certificate.get())));
  const bool forgiven = check.at >= info.not_after && check.at - info.not_after < check.expired_max;
  TRY(verify_signed(certificate.get(), authority.get(), check.purpose,
                    forgiven ? info.not_after - std::chrono::seconds(1) : check.at));
  auto uri = only_uri(certificate.get());
  if (!uri) return make_error(Code::kUnauthenticated, "certificate refused: it has not exactly one URI name");
  info.uri = std::move(*uri);
  return info;
}

Result<InstanceCertificate> verify_instance_certificate(std::string_view certificate_pem, const CertificateCheck& check) {
  auto info = TRY(verify_certificate(certificate_pem, check));
  auto identity = InstanceIdentity::parse(info.uri);
  if (!identity.ok()) return make_error(Code::kUnauthenticated, "certificate refused: {}", identity.error().message());
  return InstanceCertificate{std::move(identity).take(), info.not_before, info.not_after};
}

Result<void> check_key_belongs(const Credential& credential) {
  auto certificate = TRY(parse_certificate(credential.certificate_pem));
  auto key = TRY(parse_key(credential.key_pem));
  if (X509_check_private_key(certificate.get(), key.get()) == 1) return {};
  return openssl_error(Code::kFailedPrecondition, "the key is not the certificate's");
}

}  // namespace zeropull::identity
