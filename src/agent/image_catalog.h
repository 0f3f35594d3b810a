// ImageCatalog: which images are complete on this instance, and how one gets here: the image half of an EndpointCache.
//
// find_*() look at what is complete here and never wait for a network: the snapshotter calls them under containerd's lock.
// ensure() makes an image complete: from the cache or a volume at once, else from a store, else by converting it from its
// registry. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/endpoint_cache.h"
#include "artifact/limits.h"
#include "artifact/memory_budget.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/guarded.h"
#include "base/result.h"
#include "oci/reference.h"
#include "oci/registry.h"

namespace zeropull::agent {

using FoundImage = FoundArtifact;

struct FoundChain {
  FoundImage found;
  std::size_t layers = 0;  // how many of the image's layers the chain id covers
  bool whole() const { return layers == found.artifact->image().layers.size(); }
};

struct EnsureRequest {
  std::string reference;  // as `zeropull run` takes it
  bool plain_http = false;
  ArrivalUpdate on_arriving = {};
};

class ImageCatalog {
 public:
  explicit ImageCatalog(EndpointCache& cache);  // which outlives it
  // What snapshots stand on: images with such a chain are in use, and not evicted. Unset: none.
  void set_chains_in_use(std::function<Result<std::vector<ChainId>>()> chains);

  std::optional<FoundImage> find_reference(const oci::RegistryReference& reference) const;
  std::optional<FoundChain> find_chain(const ChainId& chain) const;
  std::vector<FoundImage> images() const { return cache_.images(); }
  // Whether what lies in this cache folder may still be given to new snapshots.
  bool serves(const std::string& folder) const { return cache_.serves(folder); }

  Result<FoundImage> ensure(const Context& ctx, const EnsureRequest& request, const artifact::Progress& progress);
  // Forgets the image on this instance; kNotFound when the cache does not hold it, kFailedPrecondition while a chain in use
  // stands on it alone. Volumes are never touched.
  Result<void> remove(const oci::RegistryReference& reference, const std::vector<ChainId>& in_use);

 private:
  std::optional<FoundImage> find_for(const oci::RegistryReference& reference, Caching caching) const;
  Result<artifact::ArtifactPtr> convert(const Context& ctx, const oci::RegistryReference& reference, bool plain_http,
                                        const artifact::Progress& progress, WireMeter& wire);
  oci::RegistryOptions registry_options(const oci::RegistryReference& reference, bool plain_http) const;
  Result<std::set<artifact::ArtifactName>> in_use() const;

  EndpointCache& cache_;
  mutable Guarded<std::function<Result<std::vector<ChainId>>()>> chains_in_use_;
  const std::shared_ptr<artifact::MemoryBudget> convert_memory_ =  // of all conversions together
      std::make_shared<artifact::MemoryBudget>(artifact::kConvertMemoryMax);
};

}  // namespace zeropull::agent
