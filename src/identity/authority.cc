#include "identity/authority.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "identity/openssl.h"
#include "os/file.h"

namespace zeropull::identity {

namespace {

struct Extension {
  int kind;
  std::string value;  // in the little language of X509V3_EXT_conf_nid
};

// What a certificate says beside its key and its signer.
struct Contents {
  std::string common_name;
  std::vector<Extension> extensions;
  WallTime not_before;
  WallTime not_after;
};

bool set_time(ASN1_TIME* out, WallTime time) { return ASN1_TIME_set(out, std::chrono::system_clock::to_time_t(time)) != nullptr; }

bool add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> made(X509V3_EXT_conf_nid(nullptr, &context, extension.kind, extension.value.c_str()));
  return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

// `issuer` is null for an authority, which signs itself.
Result<Owned<X509>> make_certificate(EVP_PKEY* key, const Contents& contents, X509* issuer, EVP_PKEY* issuer_key) {
  Owned<X509> certificate(X509_new());
  if (!certificate) return openssl_error(Code::kInternal, "make a certificate");
  X509* made = certificate.get();
  X509_NAME* subject = X509_get_subject_name(made);
  const auto* name = reinterpret_cast<const unsigned char*>(contents.common_name.c_str());
  bool good =
      X509_set_version(made, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), (Random::secure().next() >> 1) | 1) == 1 &&
      set_time(X509_getm_notBefore(made), contents.not_before) && set_time(X509_getm_notAfter(made), contents.not_after) &&
      X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("zeropull"), -1, -1, 0) ==
          1 &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
      X509_set_issuer_name(made, issuer == nullptr ? subject : X509_get_subject_name(issuer)) == 1 &&
      X509_set_pubkey(made, key) == 1;
  for (const auto& extension : contents.extensions) {
    good = good && add_extension(made, issuer == nullptr ? made : issuer, extension);
  }
  if (!good || X509_sign(made, issuer_key, EVP_sha256()) <= 0) return openssl_error(Code::kInternal, "make a certificate");
  return certificate;
}

Result<Owned<X509>> make_authority_certificate(EVP_PKEY* key, WallTime now) {
  // A name of its own, so that the certificates of two authorities are never taken for each other's.
  auto name = fmt::format("zeropull control plane {:016x}", Random::secure().next());
  Contents contents{.common_name = std::move(name),
                    .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                   {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                   {NID_subject_key_identifier, "hash"}},
                    .not_before = now - kBackdating,
                    .not_after = now + kAuthorityLifetime};
  return make_certificate(key, contents, nullptr, key);
}

Contents leaf(std::string common_name, std::string purpose, std::string alternative_names, WallTime now, Duration lifetime) {
  return {.common_name = std::move(common_name),
          .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature"},
                         {NID_ext_key_usage, std::move(purpose)},
                         {NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid:always"},
                         {NID_subject_alt_name, std::move(alternative_names)}},
          .not_before = now - kBackdating,
          .not_after = now + std::chrono::duration_cast<WallTime::duration>(lifetime)};
}

bool is_address(const std::string& name) {
  in6_addr address;
  return inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

// "URI:zeropull://control,DNS:a,IP:127.0.0.1"; names with special characters of that language are refused.
Result<std::string> server_names(const std::vector<std::string>& names) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*";
  if (names.empty()) return make_error(Code::kInvalidArgument, "a server's certificate needs a name");
  std::string text = fmt::format("URI:{}", kControlUri);
  for (const std::string& name : names) {
    const bool address = is_address(name);
    if (!address && (name.empty() || name.find_first_not_of(kAllowed) != std::string::npos)) {
      return make_error(Code::kInvalidArgument, "{:?} is neither a DNS name nor an IP address", name);
    }
    text += fmt::format(",{}:{}", address ? "IP" : "DNS", name);
  }
  return text;
}

// The key of a request, which proves that its sender has it.
Result<Owned<EVP_PKEY>> key_of_request(std::string_view csr_pem) {
  if (csr_pem.size() > kPemMax) return make_error(Code::kInvalidArgument, "a request has at most {} bytes", kPemMax);
  Owned<X509_REQ> request(PEM_read_bio_X509_REQ(read_bio(csr_pem).get(), nullptr, nullptr, nullptr));
  if (!request) return openssl_error(Code::kInvalidArgument, "not a certificate request in PEM");
  Owned<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()));
  if (!key || !is_p256(key.get())) return openssl_error(Code::kInvalidArgument, "the request's key is not P-256");
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    return openssl_error(Code::kInvalidArgument, "the request is not signed by its own key");
  }
  return key;
}

Result<Owned<EVP_PKEY>> load_or_create_key(const std::string& path) {
  auto loaded = os::read_secret(path, kPemMax);
  if (loaded.failed_with(Code::kNotFound)) {
    auto key = TRY(make_key());
    auto text = TRY(key_text(key.get()));
    TRY(os::create_file(path, as_bytes(text.reveal()), 0600));
    return key;
  }
  auto text = TRY(std::move(loaded));
  auto key = TRY(parse_key(text).with_context("{}", path));
  if (!is_p256(key.get())) return make_error(Code::kFailedPrecondition, "{}: not a P-256 key", path);
  return key;
}

Result<Owned<X509>> load_or_create_certificate(const std::string& path, EVP_PKEY* key, WallTime now) {
  auto loaded = os::read_text(path, kPemMax);
  if (loaded.failed_with(Code::kNotFound)) {
    auto certificate = TRY(make_authority_certificate(key, now));
    auto text = TRY(certificate_text(certificate.get()));
    TRY(os::create_file(path, as_bytes(text), 0644));
    return certificate;
  }
  auto text = TRY(std::move(loaded));
  auto certificate = TRY(parse_certificate(text).with_context("{}", path));
  if (X509_check_private_key(certificate.get(), key) == 1) return certificate;
  return openssl_error(Code::kFailedPrecondition, fmt::format("{}: ca.key beside it is another certificate's", path));
}

}  // namespace

Result<Authority> Authority::load_or_create(const std::string& folder, const Clock& clock) {
  TRY(os::ensure_folder(folder, 0700));
  auto certificate_file = folder + "/ca.pem";
  // A certificate without its key is what is left of a folder that was copied in part; a new key would only hide that.
  if (os::exists(certificate_file) && !os::exists(folder + "/ca.key")) {
    return make_error(Code::kFailedPrecondition, "{} is there without its ca.key: restore it, or remove both", certificate_file);
  }
  auto key = TRY(load_or_create_key(folder + "/ca.key").with_context("authority's key"));
  auto certificate =
      TRY(load_or_create_certificate(certificate_file, key.get(), clock.wall_now()).with_context("authority's certificate"));
  auto text = TRY(certificate_text(certificate.get()));
  return Authority(std::move(key), std::move(certificate), std::move(text), std::move(certificate_file), clock);
}

Result<SignedCertificate> Authority::sign_instance(std::string_view csr_pem, const InstanceIdentity& identity,
                                                   Duration lifetime) const {
  TRY(identity.check());
  auto key = TRY(key_of_request(csr_pem));
  auto contents = leaf(identity.instance_id, "clientAuth", "URI:" + identity.uri(), clock_->wall_now(), lifetime);
  auto certificate = TRY(make_certificate(key.get(), contents, certificate_.get(), key_.get()));
  auto text = TRY(certificate_text(certificate.get()));
  return SignedCertificate{std::move(text), certificate_pem_, identity.instance_id, contents.not_after};
}

Result<Credential> Authority::issue_server(const std::vector<std::string>& names, Duration lifetime) const {
  auto alternative_names = TRY(server_names(names));
  auto key = TRY(make_key());
  auto contents = leaf("zeropull control", "serverAuth", std::move(alternative_names), clock_->wall_now(), lifetime);
  auto certificate = TRY(make_certificate(key.get(), contents, certificate_.get(), key_.get()));
  Credential credential;
  credential.certificate_pem = TRY(certificate_text(certificate.get()));
  credential.key_pem = TRY(key_text(key.get()));
  return credential;
}

}  // namespace zeropull::identity
