#include "identity/master_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "identity/limits.h"
#include "os/file.h"

namespace zeropull::identity {

namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::string_view kForm = "v1:";
constexpr std::string_view kAssociatedPrefix = "zeropull-wrap-v1\n";

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
const unsigned char* raw(std::string_view text) { return raw(as_bytes(text)); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

Result<MasterKey> MasterKey::load_or_create(const std::string& path, Random& random) {
  auto loaded = os::read_secret(path, kKeySize);
  if (loaded.failed_with(Code::kNotFound)) {
    std::array<std::byte, kKeySize> bytes;
    random.fill(bytes);
    auto created = os::create_file(path, bytes, 0600);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    // Another process may have made it meanwhile: then that one is the key.
    if (!created.ok() && !created.failed_with(Code::kAlreadyExists)) {
      return std::move(created).take_error().with("make the master key");
    }
    loaded = os::read_secret(path, kKeySize);
  }
  if (!loaded.ok() && !loaded.failed_with(Code::kOutOfRange)) return std::move(loaded).take_error().with("master key");
  if (!loaded.ok() || loaded->reveal().size() != kKeySize) {
    return make_error(Code::kFailedPrecondition, "master key {} has not {} bytes: restore the file it was", path, kKeySize);
  }
  return MasterKey(std::move(loaded).take());
}

std::string MasterKey::wrap(const Secret& secret, std::string_view owner, Random& random) const {
  const std::string& plain = secret.reveal();
  const std::string associated = std::string(kAssociatedPrefix) + std::string(owner);
  CHECK(plain.size() <= kSecretMax && owner.size() <= kSecretMax);
  Bytes sealed(kNonceSize + plain.size() + kTagSize);
  MutableByteView nonce = MutableByteView(sealed).first(kNonceSize);
  random.fill(nonce);
  auto* text = reinterpret_cast<unsigned char*>(sealed.data()) + kNonceSize;
  Context context(EVP_CIPHER_CTX_new());
  int written = 0;
  int last = 0;
  const bool done = context &&
                    EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), raw(key_.reveal()), raw(nonce), nullptr) == 1 &&
                    EVP_EncryptUpdate(context.get(), nullptr, &written, raw(associated), length(associated)) == 1 &&
                    EVP_EncryptUpdate(context.get(), text, &written, raw(plain), length(plain)) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), text + written, &last) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, text + plain.size()) == 1;
  CHECK(done);
  return std::string(kForm) + to_hex(sealed);
}

Result<Secret> MasterKey::unwrap(std::string_view wrapped, std::string_view owner) const {
  const std::string associated = std::string(kAssociatedPrefix) + std::string(owner);
  CHECK(owner.size() <= kSecretMax);
  auto sealed = wrapped.starts_with(kForm) && wrapped.size() <= 2 * (kSecretMax + kNonceSize + kTagSize) + kForm.size()
                    ? from_hex(wrapped.substr(kForm.size()))
                    : std::nullopt;
  if (!sealed || sealed->size() < kNonceSize + kTagSize) {
    return make_error(Code::kDataLoss, "the wrapped secret of {} has not the form of one", owner);
  }
  ByteView nonce = ByteView(*sealed).first(kNonceSize);
  ByteView text = ByteView(*sealed).subspan(kNonceSize, sealed->size() - kNonceSize - kTagSize);
  MutableByteView tag = MutableByteView(*sealed).last(kTagSize);
  std::string plain(text.size(), '\0');
  auto* out = reinterpret_cast<unsigned char*>(plain.data());
  Context context(EVP_CIPHER_CTX_new());
  int written = 0;
  int last = 0;
  const bool ready = context &&
                     EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), raw(key_.reveal()), raw(nonce), nullptr) == 1 &&
                     EVP_DecryptUpdate(context.get(), nullptr, &written, raw(associated), length(associated)) == 1 &&
                     EVP_DecryptUpdate(context.get(), out, &written, raw(text), static_cast<int>(text.size())) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1;
  CHECK(ready);
  Secret secret(std::move(plain));
  if (EVP_DecryptFinal_ex(context.get(), out + written, &last) == 1) return secret;
  return make_error(Code::kDataLoss, "the wrapped secret of {} is not what was wrapped for it under this master key", owner);
}

}  // namespace zeropull::identity
