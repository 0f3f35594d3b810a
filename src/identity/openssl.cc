#include "identity/openssl.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "identity/limits.h"

namespace zeropull::identity {

void FreeOpenssl::operator()(X509_EXTENSION* x) const { X509_EXTENSION_free(x); }
void FreeOpenssl::operator()(X509_REQ* x) const { X509_REQ_free(x); }
void FreeOpenssl::operator()(BIO* x) const { BIO_free(x); }
void FreeOpenssl::operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
void FreeOpenssl::operator()(X509* x) const { X509_free(x); }

Error openssl_error(Code code, std::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  Error error = make_error(code, "{}{}{}", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason);
  ERR_clear_error();
  return error;
}

Owned<BIO> read_bio(std::string_view text) {
  CHECK(text.size() <= kPemMax);
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  CHECK(bio != nullptr);
  return bio;
}

std::string contents_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<Owned<EVP_PKEY>> make_key() {
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error(Code::kInternal, "make a P-256 key");
  return key;
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         std::string_view(group.data(), length) == "prime256v1";
}

Result<Owned<X509>> parse_certificate(std::string_view pem) {
  if (pem.size() > kPemMax) return make_error(Code::kInvalidArgument, "a certificate has at most {} bytes", kPemMax);
  Owned<X509> certificate(PEM_read_bio_X509(read_bio(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) return openssl_error(Code::kInvalidArgument, "not a certificate in PEM");
  return certificate;
}

Result<Owned<EVP_PKEY>> parse_key(const Secret& pem) {
  if (pem.reveal().size() > kPemMax) return make_error(Code::kInvalidArgument, "a key has at most {} bytes", kPemMax);
  // An empty passphrase: without one OpenSSL would ask the terminal about an encrypted key.
  char no_passphrase[] = "";
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(read_bio(pem.reveal()).get(), nullptr, nullptr, no_passphrase));
  if (!key) return openssl_error(Code::kInvalidArgument, "not a private key in PEM");
  return key;
}

Result<std::string> certificate_text(X509* certificate) {
  Owned<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1) return openssl_error(Code::kInternal, "write a certificate");
  return contents_of(out.get());
}

Result<Secret> key_text(EVP_PKEY* key) {
  Owned<BIO> out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_error(Code::kInternal, "write a key");
  }
  return Secret(contents_of(out.get()));
}

}  // namespace zeropull::identity
