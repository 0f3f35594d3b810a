// References: how a user names an image.
//
//   docker://host/repo:tag, docker://host/repo@sha256:..   an image in a registry
//   oci:FOLDER[:tag]                                       an image in an OCI image layout
//   host/repo:tag                                          a registry image as containerd and docker name it
//
// Names without a host mean docker.io, and those without a folder there docker.io/library, as docker reads them. Parsed once,
// strictly, by the grammar of distribution's reference package. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "base/result.h"

namespace zeropull::oci {

struct RegistryReference {
  std::string host;                                     // "docker.io", "127.0.0.1:5000"
  std::string repository;                               // "library/debian"
  std::string tag;                                      // empty only when there is a digest
  std::optional<ManifestDigest> digest = std::nullopt;  // decides where both are given
  std::string name() const;                             // containerd's full name: "docker.io/library/debian:12"
};

struct LayoutReference {
  std::string folder;
  std::string tag;  // empty: the layout's only image
};

using Reference = std::variant<RegistryReference, LayoutReference>;

// The two forms with a scheme. kInvalidArgument says what is wrong.
Result<Reference> parse_reference(std::string_view text);
// The bare form. The tag is "latest" where neither tag nor digest is given.
Result<RegistryReference> parse_image_name(std::string_view text);
// As the user wrote it, for messages.
std::string describe(const Reference& reference);

}  // namespace zeropull::oci
