// ImageSource: where an image comes from, a registry (registry.h) or an OCI image layout on disk (layout.h): its manifest and
// configuration as verified bytes, and its layers as verified streams. Both pass one conformance suite.
//
// Every byte is checked against its digest: manifest and configuration before they are returned, a layer while it streams (the
// last call of a bad stream fails with kDataLoss; whoever consumes it publishes nothing before the end). Thread-safe: a conversion
// streams several layers at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"
#include "oci/manifest.h"

namespace zeropull::oci {

// A platform's image: what its reference means now.
struct ResolvedImage {
  std::string reference;  // canonical: "host/repo:tag" or "host/repo@sha256:..", as containerd names images
  ManifestDigest manifest_digest;
  std::string manifest_media_type;
  std::string manifest_bytes;  // raw
  Manifest manifest;           // parsed
  std::string config_bytes;    // raw
  Config config;               // parsed; as many diff ids as the manifest has layers
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // Resolves the reference that this source was made for, through an image index by platform, and fetches the configuration.
  // kNotFound: no such image or platform. kUnauthenticated, kPermissionDenied: the credentials. kUnavailable: after retries.
  virtual Result<ResolvedImage> resolve(const Context& ctx, const Platform& platform) = 0;

  // Streams a layer's compressed bytes, in order, to the sink on the caller's thread. Transfers that break are resumed where they
  // ended; the sink sees each byte once. An error of the sink ends it and returns.
  using Sink = std::function<Result<void>(ByteView)>;
  virtual Result<void> stream_layer(const Context& ctx, const LayerDescriptor& layer, const Sink& sink) = 0;
};

}  // namespace zeropull::oci
