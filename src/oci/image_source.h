// ImageSource: where an image comes from, a registry or a layout folder, as one reference names it. Implementations share one
// conformance test (image_source_conformance.h).
//
// Every byte is checked against its digest and size. Calls block, and come from any thread at once: layers are fetched side by
// side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"
#include "oci/manifest.h"

namespace zeropull::oci {

// Gets a blob's bytes in order on the calling thread. They are verified only when fetch_blob returns success: what was made of
// them before is to be thrown away on an error. An error of the sink ends the fetch and is returned.
using BlobSink = std::function<Result<void>(ByteView)>;

struct RawManifest {
  std::string bytes;
  std::string media_type;  // as the source says; may be empty
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // The reference's own manifest or index, or the one with this digest. Verified.
  virtual Result<RawManifest> fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) = 0;
  // Streams a blob of exactly `size` bytes. kDataLoss when the source serves other bytes or another length. kAborted when a
  // mirror did, which is not asked again: to be called once more, with a new receiver. That ends, at the latest without mirrors.
  virtual Result<void> fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const BlobSink& sink) = 0;
  virtual std::string describe() const = 0;  // the reference as the user wrote it
};

// A whole blob in memory: a configuration.
Result<std::string> fetch_small_blob(const Context& ctx, ImageSource& source, const Sha256& digest, std::uint64_t size);

struct Image {
  Manifest manifest;
  ImageConfig config;
};
// Resolves the reference down to one platform's manifest and its configuration, and checks that they fit together. A manifest
// that was named directly is taken whatever its platform is, as containerd does.
Result<Image> resolve_image(const Context& ctx, ImageSource& source, const Platform& platform);

}  // namespace zeropull::oci
