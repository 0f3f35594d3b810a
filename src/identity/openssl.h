// What this room's .cc files share of OpenSSL: owners of its objects, PEM both ways, errors with OpenSSL's own reason. Private to
// the room; names no header of OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

struct X509_extension_st;
struct X509_req_st;
struct bio_st;
struct evp_pkey_st;
struct x509_st;

namespace zeropull::identity {

struct FreeOpenssl {
  void operator()(X509_extension_st* x) const;
  void operator()(X509_req_st* x) const;
  void operator()(bio_st* x) const;
  void operator()(evp_pkey_st* x) const;
  void operator()(x509_st* x) const;
};
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenssl>;

// An error with OpenSSL's reason for this thread's last failure, whose queue it empties.
Error openssl_error(Code code, std::string_view what);

Owned<bio_st> read_bio(std::string_view text);
std::string contents_of(bio_st* bio);

Result<Owned<evp_pkey_st>> make_key();
bool is_p256(const evp_pkey_st* key);

// The first block of its kind in the text; others are skipped. kInvalidArgument when there is none.
Result<Owned<x509_st>> parse_certificate(std::string_view pem);
Result<Owned<evp_pkey_st>> parse_key(const Secret& pem);
Result<std::string> certificate_text(x509_st* certificate);
Result<Secret> key_text(evp_pkey_st* key);

}  // namespace zeropull::identity
