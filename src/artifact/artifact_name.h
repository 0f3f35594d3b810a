// ArtifactName: what an artifact is called in cache folders and stores: its kind, and the digest that everything of it follows
// from: an image's manifest digest, a model's identity. Plain values; any thread.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace zeropull::artifact {

enum class ArtifactKind : std::uint8_t { kImage, kModel };

constexpr std::string_view kind_name(ArtifactKind kind) { return kind == ArtifactKind::kImage ? "image" : "model"; }

struct ArtifactName {
  // Implicit: each of these names one artifact.
  ArtifactName(const ManifestDigest& manifest) : kind(ArtifactKind::kImage), digest(manifest.value) {}
  ArtifactName(const ModelIdentity& identity) : kind(ArtifactKind::kModel), digest(identity.value) {}

  ArtifactKind kind;
  Sha256 digest;
  std::string text() const {  // "image sha256:..", "model .."
    return fmt::format("{} {}{}", kind_name(kind), kind == ArtifactKind::kImage ? "sha256:" : "", digest.hex());
  }
  auto operator<=>(const ArtifactName&) const = default;
};

}  // namespace zeropull::artifact

template <>
struct fmt::formatter<zeropull::artifact::ArtifactName> : fmt::formatter<std::string_view> {
  auto format(const zeropull::artifact::ArtifactName& name, format_context& ctx) const {
    return fmt::format_to(ctx.out(), "{}", name.text());
  }
};
