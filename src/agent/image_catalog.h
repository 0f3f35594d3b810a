// ImageCatalog: which images are complete on this instance, and how one gets here. It owns the instance's cache folder, the
// attached volumes and the ways to the stores and registries.
//
// find_*() look at what is complete here and never wait for a network: the snapshotter calls them under containerd's lock.
// ensure() makes an image complete: from the cache or a volume at once, else from a store, else by converting it from its
// registry, and then publishes it to the stores behind the caller's back. A source that fails is logged and the next one asked;
// only the last one's error returns. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/config.h"
#include "artifact/attached_volume.h"
#include "artifact/cache_folder.h"
#include "artifact/keys.h"
#include "artifact/limits.h"
#include "artifact/memory_budget.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "base/result.h"
#include "oci/reference.h"

namespace zeropull::agent {

enum class ImageSourceKind { kCache, kVolume, kStore, kRegistry };
std::string_view source_name(ImageSourceKind kind);  // "cache" | "volume" | "store" | "registry"

class ReachableStore;

struct FoundImage {
  artifact::ImagePtr image;
  const artifact::CacheFolder* folder = nullptr;  // where its blobs lie; lives as long as the catalog
  ImageSourceKind source = ImageSourceKind::kCache;
};

struct FoundChain {
  FoundImage found;
  std::size_t layers = 0;  // how many of the image's layers the chain id covers
  bool whole() const { return layers == found.image->image().layers.size(); }
};

struct EnsureRequest {
  std::string reference;  // as `zeropull run` takes it
  bool plain_http = false;
};

class ImageCatalog {
 public:
  // Opens the cache folder and attaches the volumes; a volume that cannot be attached is logged and left out.
  static Result<std::unique_ptr<ImageCatalog>> create(const Context& ctx, const AgentConfig& config);
  ~ImageCatalog();  // stop()
  // Ends the background work: publication and the volumes' check. Idempotent.
  void stop();

  const artifact::EndpointKey& key() const { return key_; }
  std::optional<FoundImage> find_reference(const oci::RegistryReference& reference) const;
  std::optional<FoundChain> find_chain(const ChainId& chain) const;
  std::vector<FoundImage> images() const;

  Result<FoundImage> ensure(const Context& ctx, const EnsureRequest& request, const artifact::Progress& progress);
  // Forgets the image on this instance; kNotFound when the cache does not hold it, kFailedPrecondition while a chain in use
  // stands on it alone. Volumes are never touched.
  Result<void> remove(const oci::RegistryReference& reference, const std::vector<ChainId>& in_use);
  // Starts re-reading the volumes in the background.
  void start_volume_check();
  // After stop(), when no snapshot needs them: unmounts the volumes that were attached from image files.
  void detach_volumes();

 private:
  ImageCatalog(AgentConfig config, artifact::EndpointKey key);
  // From the stores, then from the registry.
  Result<FoundImage> bring(const Context& ctx, const oci::RegistryReference& reference, bool plain_http,
                           const artifact::Progress& progress);
  // Removes what no image names any more: of images removed, of conversions that failed.
  void collect();
  void publish_behind(const artifact::ImagePtr& image);
  std::size_t jobs() const;

  const AgentConfig config_;
  const artifact::EndpointKey key_;
  const std::shared_ptr<artifact::MemoryBudget> convert_memory_ =  // of all conversions together
      std::make_shared<artifact::MemoryBudget>(artifact::kConvertMemoryMax);
  std::unique_ptr<artifact::CacheFolder> cache_;
  std::vector<std::unique_ptr<artifact::AttachedVolume>> volumes_;
  std::vector<std::unique_ptr<ReachableStore>> stores_;
  Guarded<std::set<std::string>> ensuring_;  // references that a caller is bringing; others wait for it
  std::stop_source stop_;
  const std::unique_ptr<ThreadPool> background_;  // publication and the volumes' check
};

}  // namespace zeropull::agent
