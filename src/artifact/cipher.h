// AES-256-GCM over OpenSSL's EVP, the one cipher of everything that rests in a store. A Cipher belongs to one thread and keeps
// its context between messages. Nonces are random: 96 bits under one key are safe for the 2^32 frames that no endpoint reaches.
#pragma once

#include <memory>

#include "artifact/frame_table.h"
#include "artifact/keys.h"
#include "base/bytes.h"
#include "base/result.h"

struct evp_cipher_ctx_st;

namespace zeropull::artifact {

class Cipher {
 public:
  explicit Cipher(const SecretKey& key);
  // `out` has plain.size() + kTagSize bytes: the ciphertext and its tag. It may not overlap the input.
  void encrypt(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out);
  // `out` has sealed.size() - kTagSize bytes. kDataLoss when a bit of anything differs, and then `out` holds nothing to be used.
  Result<void> decrypt(const Nonce& nonce, ByteView associated, ByteView sealed, MutableByteView out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  const SecretKey key_;
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

Nonce random_nonce(Random& random);

}  // namespace zeropull::artifact
