#include "store/self_signed.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/bytes.h"
#include "base/clock.h"
#include "os/file.h"

namespace zeropull::store {

namespace {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
  void operator()(X509_EXTENSION* x) const { X509_EXTENSION_free(x); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

bool is_address(const std::string& name) {
  in6_addr address;
  return inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

// "DNS:a,IP:127.0.0.1", in the little language of X509V3_EXT_conf_nid; names with its special characters are refused.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
  if (names.empty()) return make_error(Code::kInvalidArgument, "a certificate needs a name");
  std::string text;
  for (const std::string& name : names) {
    bool address = is_address(name);
    if (!address &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") != std::string::npos) {
      return make_error(Code::kInvalidArgument, "\"{}\" is neither a DNS name nor an IP address", name);
    }
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", address ? "IP" : "DNS", name);
  }
  return text;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill_certificate(X509* certificate, EVP_PKEY* key, const std::string& names, int days) {
  constexpr long kSecondsPerDay = 86400;
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* common_name = reinterpret_cast<const unsigned char*>("zeropull store");
  auto serial = static_cast<std::uint64_t>(Random::secure().next() >> 1);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kSecondsPerDay) != nullptr &&  // clocks of instances differ
         X509_gmtime_adj(X509_getm_notAfter(certificate), days * kSecondsPerDay) != nullptr &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") && add_extension(certificate, NID_subject_alt_name, names) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

Bytes contents_of(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return to_bytes(as_bytes({data, static_cast<std::size_t>(size)}));
}

}  // namespace

Result<void> create_self_signed(const SelfSignedOptions& options) {
  auto names = TRY(alternative_names(options.names));
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  Owned<X509> certificate(X509_new());
  Owned<BIO> key_text(BIO_new(BIO_s_mem()));
  Owned<BIO> certificate_text(BIO_new(BIO_s_mem()));
  bool made = key && certificate && key_text && certificate_text &&
              fill_certificate(certificate.get(), key.get(), names, options.days) &&
              PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
              PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1;
  if (!made) return make_error(Code::kInternal, "OpenSSL could not make a self-signed certificate");
  TRY(os::replace_file(options.key_file, contents_of(key_text.get()), 0600));
  return os::replace_file(options.certificate_file, contents_of(certificate_text.get()), 0644);
}

}  // namespace zeropull::store
