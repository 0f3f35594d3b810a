// LayoutSource: an image in an OCI image layout folder (image-spec, "Image Layout"), as skopeo, umoci and buildx write them.
// Nothing outside the folder is ever opened, whatever its names and symlinks say.
#pragma once

#include "oci/image_source.h"
#include "oci/reference.h"
#include "os/fd.h"

namespace zeropull::oci {

class LayoutSource final : public ImageSource {
 public:
  // Reads oci-layout and index.json. kNotFound when the tag is not there; kInvalidArgument when there is none to choose by.
  static Result<std::unique_ptr<ImageSource>> create(const LayoutReference& reference);

  Result<RawManifest> fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) override;
  Result<void> fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const BlobSink& sink) override;
  std::string describe() const override { return oci::describe(reference_); }

 private:
  LayoutSource(LayoutReference reference, os::UniqueFd folder, IndexEntry root)
      : reference_(std::move(reference)), folder_(std::move(folder)), root_(std::move(root)) {}
  Result<os::UniqueFd> open_blob(const Sha256& digest) const;

  const LayoutReference reference_;
  const os::UniqueFd folder_;
  const IndexEntry root_;  // of index.json: what the reference names
};

}  // namespace zeropull::oci
