// EndpointKey: the 32 random bytes that one endpoint's cache hangs on, and what is derived from them.
//
// Nothing uses the key itself: sealing, naming and encrypting have a key each, HMAC-SHA256(key, label), so that none helps to
// break another. The key rests in a file of mode 0600. It prints as *** and is wiped from memory at the end. Copies are allowed
// (every room of one endpoint has one); immutable, so any thread may use it.
#pragma once

#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace zeropull::artifact {

// 32 secret bytes: wiped at the end, never printed.
class SecretKey {
 public:
  static constexpr std::size_t kSize = 32;
  explicit SecretKey(ByteView bytes);  // exactly kSize
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
  ByteView view() const { return bytes_; }

 private:
  std::array<std::byte, kSize> bytes_;
};

class EndpointKey {
 public:
  static EndpointKey generate(Random& random);
  explicit EndpointKey(const SecretKey& key);

  // A file of exactly 32 bytes with mode 0600: others are refused with what to do (kFailedPrecondition), an absent one is
  // kNotFound.
  static Result<EndpointKey> load(const std::string& path);
  // Makes the file with a new random key when it is absent; its folder must exist.
  static Result<EndpointKey> load_or_create(const std::string& path, Random& random);

  const SecretKey& seal_key() const { return seal_; }  // of an index in a cache folder: artifact/seal.h
  const SecretKey& name_key() const { return name_; }  // of objects in a store: artifact/object_names.h
  const SecretKey& data_key() const { return data_; }  // of frames and indexes in a store: artifact/cipher.h

 private:
  SecretKey seal_;
  SecretKey name_;
  SecretKey data_;
};

}  // namespace zeropull::artifact

template <>
struct fmt::formatter<zeropull::artifact::SecretKey> : fmt::formatter<std::string_view> {
  auto format(const zeropull::artifact::SecretKey&, format_context& ctx) const { return fmt::format_to(ctx.out(), "***"); }
};
template <>
struct fmt::formatter<zeropull::artifact::EndpointKey> : fmt::formatter<std::string_view> {
  auto format(const zeropull::artifact::EndpointKey&, format_context& ctx) const { return fmt::format_to(ctx.out(), "***"); }
};
