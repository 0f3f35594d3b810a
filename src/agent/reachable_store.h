// ReachableStore: one of the endpoint's stores as this instance reaches it, with what the agent does there: fetching an image
// into the cache folder and publishing one from it. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "agent/config.h"
#include "artifact/cache_folder.h"
#include "artifact/keys.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/result.h"
#include "oci/reference.h"
#include "store/object_store.h"

namespace zeropull::agent {

class ReachableStore {
 public:
  // Reads the token; the store itself is asked first when it is needed.
  static Result<std::unique_ptr<ReachableStore>> open(const StoreConfig& config);

  const std::string& name() const { return name_; }  // its URL or folder, for messages
  bool publishes() const { return publishes_; }

  // kNotFound when the store holds no image of that reference.
  Result<artifact::ImagePtr> fetch(const Context& ctx, const artifact::EndpointKey& key, const oci::RegistryReference& reference,
                                   artifact::CacheFolder& into, std::size_t jobs, const artifact::Progress& progress);
  Result<void> publish(const Context& ctx, const artifact::EndpointKey& key, const artifact::CacheFolder& from,
                       const artifact::ArtifactIndex& image);

 private:
  ReachableStore(std::string name, std::unique_ptr<store::ObjectStore> store, bool publishes)
      : name_(std::move(name)), store_(std::move(store)), publishes_(publishes) {}
  const std::string name_;
  const std::unique_ptr<store::ObjectStore> store_;
  const bool publishes_;
};

}  // namespace zeropull::agent
