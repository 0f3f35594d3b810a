// The artifacts in one endpoint's store: their indexes, each one an encrypted object.
//
//   offset size  field
//        0    8  "ZPSEALED"
//        8    4  version, 1
//       12   12  nonce
//       24       AES-256-GCM of the artifact index; associated data "zeropull-index-v1\n" and the name's last segment
//
// An index is put last in a publication, so that an artifact which is listed here is complete. Functions block on the store and
// may be called from any thread.
#pragma once

#include <string_view>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/index.h"
#include "artifact/keys.h"
#include "base/context.h"
#include "store/object_store.h"

namespace zeropull::artifact {

struct BrokenObject {
  store::ObjectName name;
  Error error;
};

struct StoreCatalog {
  std::vector<ImagePtr> images;                // in the order of their object names
  std::vector<ModelPtr> models;                // likewise
  std::vector<BrokenObject> broken;            // that could not be read, opened or parsed
  std::vector<ArtifactPtr> artifacts() const;  // images, then models
  ImagePtr find_manifest(const ManifestDigest& digest) const;
  ImagePtr find_reference(std::string_view reference) const;  // of several, the one resolved last
};

// Everything. An object that cannot be read is in `broken`; only a store that cannot be listed is an error.
Result<StoreCatalog> read_store_catalog(const Context& ctx, store::ObjectStore& store, const EndpointKey& key);

// One artifact; kNotFound when it is not in the store, kDataLoss when its index is not what was published.
Result<ArtifactPtr> read_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                        const ArtifactName& name);

// Puts an artifact's index. Everything that it names must be in the store; kFailedPrecondition for a frame without a place.
Result<void> put_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                const IndexContents& contents, Random& random);

// The object `name` in images/, models/ or removed/, opened.
Result<ArtifactPtr> read_index_object(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                      const store::ObjectName& name);

}  // namespace zeropull::artifact
