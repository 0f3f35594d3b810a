// SHA-256 and HMAC-SHA256 over OpenSSL's EVP, at the speed of the processor's SHA instructions: the algorithms are fetched once
// per process. A hasher belongs to one thread; the functions are thread-safe. Failing here means that OpenSSL has no memory or no
// SHA-256, which ends the process.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

struct evp_md_ctx_st;

namespace zeropull::codec {

// Hashes a stream in pieces. finish() leaves the hasher ready for the next stream.
class Sha256Hasher {
 public:
  Sha256Hasher();
  void update(ByteView bytes);
  Sha256 finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256 sha256(ByteView bytes);

// The MAC of the parts' concatenation. Parts of variable length need a separator or a length of the caller's.
Sha256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

// Compares in a time that depends on the lengths alone: for MACs and tokens.
bool constant_time_equal(ByteView a, ByteView b);

}  // namespace zeropull::codec
