#include "http/test_authority.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "os/file.h"

namespace zeropull::http {

namespace {

std::shared_ptr<EVP_PKEY> make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A version 3 certificate for a day, its subject and key set; not yet signed.
std::shared_ptr<X509> make_certificate(const std::string& common_name, EVP_PKEY* key) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), Random::secure().next() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

// Runs one of OpenSSL's PEM writers into a file.
template <typename Write>
Result<void> write_pem(const std::string& path, Write write) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  CHECK(write(out.get()) == 1);
  const char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return os::replace_file(path, as_bytes({text, static_cast<std::size_t>(length)}));
}

Result<void> write_certificate(const std::string& path, X509* certificate) {
  return write_pem(path, [&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

}  // namespace

Result<TestAuthority> TestAuthority::create(const std::string& folder, const std::string& name) {
  auto key = make_key();
  auto certificate = make_certificate(name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const auto path = folder + "/ca.pem";
  TRY(write_certificate(path, certificate.get()));
  return TestAuthority(folder, path, std::move(key), std::move(certificate));
}

Result<TestCertificate> TestAuthority::issue(const std::string& common_name, const std::vector<std::string>& names) const {
  auto key = make_key();
  auto certificate = make_certificate(common_name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  if (!names.empty()) {
    add_extension(certificate.get(), certificate_.get(), NID_subject_alt_name, fmt::format("{}", fmt::join(names, ",")));
  }
  CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  TestCertificate out{folder_ + "/" + common_name + ".pem", folder_ + "/" + common_name + ".key"};
  TRY(write_certificate(out.certificate_file, certificate.get()));
  TRY(write_pem(out.key_file,
                [&](BIO* file) { return PEM_write_bio_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); }));
  return out;
}

}  // namespace zeropull::http
