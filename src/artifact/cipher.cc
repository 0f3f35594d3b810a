#include "artifact/cipher.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace zeropull::artifact {

namespace {

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(MutableByteView bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
int length(ByteView bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

void Cipher::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

Cipher::Cipher(const SecretKey& key) : key_(key), context_(EVP_CIPHER_CTX_new()) { CHECK(context_ != nullptr); }

void Cipher::encrypt(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out) {
  CHECK(out.size() == plain.size() + kTagSize && plain.size() <= INT32_MAX);
  auto* context = context_.get();
  int written = 0;
  int last = 0;
  bool done = EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), raw(key_.view()), raw(ByteView(nonce)), nullptr) == 1 &&
              EVP_EncryptUpdate(context, nullptr, &written, raw(associated), length(associated)) == 1 &&
              EVP_EncryptUpdate(context, raw(out), &written, raw(plain), length(plain)) == 1 &&
              EVP_EncryptFinal_ex(context, raw(out) + written, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + plain.size()) == 1;
  CHECK(done && static_cast<std::size_t>(written + last) == plain.size());
}

Result<void> Cipher::decrypt(const Nonce& nonce, ByteView associated, ByteView sealed, MutableByteView out) {
  if (sealed.size() < kTagSize || sealed.size() > INT32_MAX)
    return make_error(Code::kDataLoss, "{} bytes are no ciphertext", sealed.size());
  auto text = sealed.first(sealed.size() - kTagSize);
  CHECK(out.size() == text.size());
  std::array<std::byte, kTagSize> tag;
  std::ranges::copy(sealed.last(kTagSize), tag.begin());
  auto* context = context_.get();
  int written = 0;
  int last = 0;
  bool ready = EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), raw(key_.view()), raw(ByteView(nonce)), nullptr) == 1 &&
               EVP_DecryptUpdate(context, nullptr, &written, raw(associated), length(associated)) == 1 &&
               EVP_DecryptUpdate(context, raw(out), &written, raw(text), length(text)) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1;
  CHECK(ready);
  if (EVP_DecryptFinal_ex(context, raw(out) + written, &last) == 1) return {};
  return make_error(Code::kDataLoss, "it is not what was encrypted under this key: changed, moved, or of another endpoint");
}

Nonce random_nonce(Random& random) {
  Nonce nonce;
  random.fill(nonce);
  return nonce;
}

}  // namespace zeropull::artifact
