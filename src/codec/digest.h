// SHA-256, HMAC-SHA256 and MD5 over OpenSSL's EVP, at the speed of the processor's SHA instructions: the algorithms are fetched
// once per process. A hasher belongs to one thread; the functions are thread-safe. Failing here means that OpenSSL has no memory
// or no SHA-256, which ends the process.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

struct evp_md_ctx_st;

namespace zeropull::codec {

struct FreeDigestContext {
  void operator()(evp_md_ctx_st* context) const;
};

// Hashes a stream in pieces. finish() leaves the hasher ready for the next stream.
class Sha256Hasher {
 public:
  Sha256Hasher();
  void update(ByteView bytes);
  Sha256 finish();

 private:
  std::unique_ptr<evp_md_ctx_st, FreeDigestContext> context_;
};

// Of no use against an adversary: for comparing with the MD5 that an object store states.
class Md5Hasher {
 public:
  static constexpr std::size_t kSize = 16;
  Md5Hasher();
  void update(ByteView bytes);
  std::array<std::byte, kSize> finish();

 private:
  std::unique_ptr<evp_md_ctx_st, FreeDigestContext> context_;
};

Sha256 sha256(ByteView bytes);

// The MAC of the parts' concatenation. Parts of variable length need a separator or a length of the caller's.
Sha256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

// Compares in a time that depends on the lengths alone: for MACs and tokens.
bool constant_time_equal(ByteView a, ByteView b);

}  // namespace zeropull::codec
