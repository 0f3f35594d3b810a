#include "artifact/keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>

#include <cstring>

#include "base/check.h"
#include "codec/digest.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

constexpr std::string_view kSealLabel = "zeropull-seal-v1";
constexpr std::string_view kNameLabel = "zeropull-name-v1";
constexpr std::string_view kDataLabel = "zeropull-data-v1";

SecretKey derive(const SecretKey& key, std::string_view label) {
  return SecretKey(codec::hmac_sha256(key.view(), {as_bytes(label)}).view());
}

}  // namespace

SecretKey::SecretKey(ByteView bytes) {
  CHECK(bytes.size() == kSize);
  std::memcpy(bytes_.data(), bytes.data(), kSize);
}

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

EndpointKey::EndpointKey(const SecretKey& key)
    : seal_(derive(key, kSealLabel)), name_(derive(key, kNameLabel)), data_(derive(key, kDataLabel)) {}

EndpointKey EndpointKey::generate(Random& random) {
  std::array<std::byte, SecretKey::kSize> bytes;
  random.fill(bytes);
  EndpointKey key{SecretKey(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

Result<EndpointKey> EndpointKey::load(const std::string& path) {
  auto fd = TRY(os::open_file(path, O_RDONLY).with_context("key file"));
  auto info = TRY(os::stat_fd(fd.get()).with_context("key file {}", path));
  if (!S_ISREG(info.st_mode)) return make_error(Code::kFailedPrecondition, "key file {} is not a plain file", path);
  if ((info.st_mode & 07777) != 0600) {
    return make_error(Code::kFailedPrecondition, "key file {} has mode {:04o}: others may read it; run `chmod 0600 {}`", path,
                      info.st_mode & 07777, path);
  }
  if (info.st_size != static_cast<off_t>(SecretKey::kSize)) {
    return make_error(Code::kFailedPrecondition, "key file {} has {} bytes, not the {} random bytes of an endpoint's key", path,
                      info.st_size, SecretKey::kSize);
  }
  std::array<std::byte, SecretKey::kSize> bytes;
  TRY(os::read_exactly_at(fd.get(), bytes, 0).with_context("key file {}", path));
  EndpointKey key{SecretKey(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

Result<EndpointKey> EndpointKey::load_or_create(const std::string& path, Random& random) {
  auto loaded = load(path);
  if (!loaded.failed_with(Code::kNotFound)) return loaded;
  std::array<std::byte, SecretKey::kSize> bytes;
  random.fill(bytes);
  auto created = os::create_file(path, bytes, 0600);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  // Another process may have made it meanwhile: then that one is the key.
  if (!created.ok() && !created.failed_with(Code::kAlreadyExists)) {
    return std::move(created).take_error().with("make key file");
  }
  return load(path);
}

}  // namespace zeropull::artifact
