// Distinct ids are distinct types. A Sha256 is 32 raw bytes; the digests of OCI are tagged Sha256 values that do not convert
// into each other: a layer's digest (of the compressed bytes), its diff id (of the tar), a chain id (of a prefix of diff ids),
// a manifest's digest, and the id of a blob.
#pragma once

#include <fmt/format.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace zeropull {

struct Sha256 {
  static constexpr std::size_t kSize = 32;
  std::array<std::byte, kSize> bytes{};
  auto operator<=>(const Sha256&) const = default;
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  static std::optional<Sha256> from_hex(std::string_view hex);  // 64 lower-case digits
};

// A SHA-256 with a role. text() is OCI's form "sha256:<64 hex digits>".
template <typename Tag>
struct Digest {
  Sha256 value;
  auto operator<=>(const Digest&) const = default;
  std::string hex() const { return value.hex(); }
  std::string text() const { return "sha256:" + value.hex(); }
  // nullopt unless "sha256:" and 64 lower-case hex digits: other algorithms are refused at the edge.
  static std::optional<Digest> parse(std::string_view text) {
    constexpr std::string_view kPrefix = "sha256:";
    if (!text.starts_with(kPrefix)) return std::nullopt;
    auto value = Sha256::from_hex(text.substr(kPrefix.size()));
    if (!value) return std::nullopt;
    return Digest{*value};
  }
};

using LayerDigest = Digest<struct LayerDigestTag>;        // of a layer as the registry serves it
using DiffId = Digest<struct DiffIdTag>;                  // of a layer's uncompressed tar
using ChainId = Digest<struct ChainIdTag>;                // image-spec, "Layer ChainID"
using ManifestDigest = Digest<struct ManifestDigestTag>;  // of a platform's manifest
using ConfigDigest = Digest<struct ConfigDigestTag>;      // of an image configuration
using BlobId = Digest<struct BlobIdTag>;                  // of a blob: see artifact/blob.h
using ModelIdentity = Digest<struct ModelIdentityTag>;    // of a model's files at its origin: see origin/origin.h

}  // namespace zeropull

template <>
struct std::hash<zeropull::Sha256> {
  std::size_t operator()(const zeropull::Sha256& id) const noexcept {
    std::size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};
template <typename Tag>
struct std::hash<zeropull::Digest<Tag>> {
  std::size_t operator()(const zeropull::Digest<Tag>& id) const noexcept { return std::hash<zeropull::Sha256>{}(id.value); }
};
template <typename Tag>
struct fmt::formatter<zeropull::Digest<Tag>> : fmt::formatter<std::string_view> {
  auto format(const zeropull::Digest<Tag>& id, format_context& ctx) const { return fmt::format_to(ctx.out(), "{}", id.text()); }
};
