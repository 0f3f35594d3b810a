// ModelCatalog: which models are complete on this instance, how one gets here, and their read-only mounts: the model half of an
// EndpointCache.
//
// ensure() makes a model complete: from the cache or a volume at once, else from a store, else from its origin. mount() gives a
// folder with its files for as long as somebody holds it; after the last hold it is unmounted and, unless it is to be kept,
// freed. Mounts outlive the agent: a new one finds them, and counts them as used until release_all_but() says what is.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "agent/endpoint_cache.h"
#include "agent/mount_points.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"
#include "origin/origin.h"

namespace zeropull::agent {

struct ModelRequest {
  std::string identity;  // hex; "" while it was never listed: then the origin is asked for it
  origin::ModelLocation location;
  origin::OriginAccess access;
  ArrivalUpdate on_arriving = {};
};

struct FoundModel {
  ModelIdentity identity;
  SourceKind source = SourceKind::kCache;
  std::uint64_t wire_bytes = 0;   // that came over the link
  std::uint64_t total_bytes = 0;  // of its files at the origin
  std::string reason;             // why no better source
  Hold hold;                      // keeps it from being freed until it is mounted
};

enum class Retention { kWhileUsed, kKeep };

struct MountedModel {
  std::string path;
  Hold hold;  // mounted while one lives; not beyond the catalog's stop()
};

class ModelCatalog {
 public:
  // origin::open_origin, but for tests.
  using OpenOrigin =
      std::function<Result<std::unique_ptr<origin::ModelOrigin>>(const origin::ModelLocation&, const origin::OriginAccess&)>;
  // `cache` outlives it. Mounts go to <root>/models/<identity>.
  static Result<std::unique_ptr<ModelCatalog>> create(const std::string& root, EndpointCache& cache,
                                                      artifact::FileDirectIo file_direct_io, OpenOrigin open_origin);
  // From now on a hold that goes changes nothing: mounts stay for the copies that run.
  void stop();

  // kFailedPrecondition when the origin has another model now than the one with the identity asked for.
  Result<FoundModel> ensure(const Context& ctx, const ModelRequest& request, const artifact::Progress& progress);
  // kNotFound unless it is complete here. Its seal, sizes and metadata are checked before the kernel sees them.
  Result<MountedModel> mount(const Context& ctx, const ModelIdentity& identity, Retention retention);
  // After a restart: unmounts what is neither held nor in use.
  Result<void> release_all_but(const std::set<ModelIdentity>& in_use);
  // What stays without being used (EnableCaching). Frees every other model that is not in use.
  void keep_only(const std::set<ModelIdentity>& models);
  // Forgets it on this instance; kFailedPrecondition while it is mounted or held. Volumes are never touched.
  Result<void> remove(const ModelIdentity& identity);

 private:
  ModelCatalog(EndpointCache& cache, MountPoints points, OpenOrigin open_origin);
  Result<artifact::ArtifactPtr> convert(const Context& ctx, origin::ModelOrigin& origin, const ModelIdentity& identity,
                                        const artifact::Progress& progress, WireMeter& wire);
  Result<void> ensure_mounted_locked(const Context& ctx, const ModelIdentity& identity);
  void release(const ModelIdentity& identity);
  std::set<artifact::ArtifactName> mounted_names() const;

  EndpointCache& cache_;
  const OpenOrigin open_origin_;
  // Never held while the budget is asked for anything: that asks for mounted_names().
  mutable std::mutex mutex_;
  MountPoints points_;                                        // by identity in hex
  std::map<ModelIdentity, std::weak_ptr<const void>> holds_;  // of mounts
  std::set<ModelIdentity> to_keep_;                           // as mount() was told
  bool stopped_ = false;
};

}  // namespace zeropull::agent
