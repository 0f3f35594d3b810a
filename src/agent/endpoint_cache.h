// EndpointCache: an endpoint's artifacts on this instance, and how one gets here. It owns the cache folder with its disk budget,
// the attached volumes and the ways to the stores; ImageCatalog and ModelCatalog, over it, know what images and models are and
// where they come from at last.
//
// bring() asks the sources in order: this cache, the volumes, the stores, the origin. A source that fails is logged and the next
// one asked; what came from the origin is published to the stores behind the caller's back. Callers that want the same thing wait
// for one of them. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/disk_budget.h"
#include "agent/endpoint_settings.h"
#include "agent/wire_meter.h"
#include "artifact/attached_volume.h"
#include "artifact/cache_folder.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "base/result.h"
#include "store/object_store.h"

namespace zeropull::agent {

class ReachableStore;

enum class SourceKind { kCache, kVolume, kStore, kRegistry, kOrigin };
std::string_view source_name(SourceKind kind);  // "cache" | "volume" | "store" | "registry" | "origin"

struct FoundArtifact {
  artifact::ArtifactPtr artifact;
  const artifact::CacheFolder* folder = nullptr;  // where its blobs lie; lives as long as the cache
  SourceKind source = SourceKind::kCache;
  std::uint64_t wire_bytes = 0;  // that came over the link
  std::string reason;            // why no better source: "cache: not found; volume: none; store https://..: not found"
  Hold hold;                     // keeps it from eviction; of what bring() returned
};

// What is known of an artifact that is on its way.
struct Arriving {
  SourceKind source = SourceKind::kStore;
  std::uint64_t wire_bytes = 0;  // so far
  std::string reason;            // why no better source
};
using ArrivalUpdate = std::function<void(const Arriving&)>;  // at most once a second; from any thread, must not block

// A thing to bring.
struct WantedArtifact {
  artifact::ArtifactKind kind = artifact::ArtifactKind::kImage;
  std::string title;                           // unique among what may be wanted at once; for messages
  std::optional<artifact::ArtifactName> name;  // when it is known before
  Caching caching = Caching::kOn;              // kOff: this instance's cache and the origin alone
  SourceKind origin = SourceKind::kOrigin;
  // Looks through what is complete here.
  std::function<std::optional<FoundArtifact>()> find;
  // Its index in a store; kNotFound.
  std::function<Result<artifact::ArtifactPtr>(const Context&, store::ObjectStore&)> find_in_store;
  // Makes it complete in the cache folder, adding the bytes that come over the link.
  std::function<Result<artifact::ArtifactPtr>(const Context&, WireMeter& wire)> convert;
  ArrivalUpdate on_arriving = {};
};

struct CacheEntry {
  artifact::ArtifactName name;
  std::uint64_t bytes = 0;
  bool published = false;  // complete in a store, as far as this process knows
};

class EndpointCache {
 public:
  // Opens the cache folder, attaches the volumes and opens the stores; a volume or store that cannot be used is logged and left
  // out.
  static Result<std::unique_ptr<EndpointCache>> create(const Context& ctx, EndpointSettings settings);
  ~EndpointCache();  // stop()
  // Ends the background work: publication and the volumes' check. Idempotent.
  void stop();

  const EndpointSettings& settings() const { return settings_; }
  const artifact::EndpointKey& key() const { return settings_.key; }
  artifact::CacheFolder& folder() { return *folder_; }
  const artifact::CacheFolder& folder() const { return *folder_; }
  DiskBudget& budget() { return *budget_; }

  // What the control plane says anew; what stays in the list stays as it is.
  void set_volumes(const Context& ctx, const std::vector<std::string>& paths);
  void set_stores(const std::vector<StoreConfig>& stores);
  std::vector<std::string> withdrawn_volumes() const;
  // Whether the cache folder at `path`, ours or a volume's, may be used: false when it was withdrawn or taken away.
  bool serves(const std::string& path) const;

  // What is complete here, of this cache and then of the volumes in order (those too while caching is off).
  std::vector<FoundArtifact> images() const;
  std::optional<FoundArtifact> find(const artifact::ArtifactName& name, Caching caching) const;
  std::vector<CacheEntry> cached() const;
  Result<FoundArtifact> bring(const Context& ctx, const WantedArtifact& wanted, const artifact::Progress& progress);
  // For WantedArtifact::convert: makes room for what is to come, and tries to for `expansion` times as much. `into` is to live
  // until it was converted.
  artifact::MakeRoom make_room(std::optional<DiskBudget::Reservation>& into, std::uint64_t expansion);
  // Removes what nothing names any more: of artifacts removed, of conversions that failed.
  void collect();
  // Starts publishing, in the background, what the cache has and the stores lack: publications that an end of the agent cut off.
  void publish_missing();
  // Starts re-reading the volumes in the background.
  void start_volume_check();
  // After stop(), when nothing mounted needs them: unmounts the volumes that were attached from image files.
  void detach_volumes();

 private:
  struct Volume {
    std::string path;
    std::shared_ptr<artifact::AttachedVolume> attached;  // null while it cannot be attached
    std::string error;                                   // then why
  };
  struct Volumes {
    std::vector<Volume> listed;
    std::vector<std::shared_ptr<artifact::AttachedVolume>> all;  // that were ever attached: what stands on them may go on
  };
  explicit EndpointCache(EndpointSettings settings);
  std::vector<std::shared_ptr<artifact::AttachedVolume>> attached() const;
  std::optional<FoundArtifact> take(const WantedArtifact& wanted);
  Result<FoundArtifact> bring_alone(const Context& ctx, const WantedArtifact& wanted, const artifact::Progress& progress);
  Result<artifact::ArtifactPtr> fetch(const Context& ctx, const WantedArtifact& wanted, store::ObjectStore& store,
                                      const artifact::Progress& progress);
  // Attaches what could not be attached before and looks for new artifacts of the others.
  void refresh_volumes(const Context& ctx);
  std::string why_not_here(const WantedArtifact& wanted) const;
  void attach(const Context& ctx, Volume& volume);  // with attaching_ locked
  void check_behind(std::shared_ptr<artifact::AttachedVolume> volume);
  void publish_behind(const artifact::ArtifactPtr& artifact);
  void publish(const std::shared_ptr<ReachableStore>& store, const artifact::ArtifactPtr& artifact);
  void note_published(const artifact::ArtifactName& name);
  Caching caching_of(artifact::ArtifactKind kind) const;

  const EndpointSettings settings_;
  std::unique_ptr<artifact::CacheFolder> folder_;
  std::unique_ptr<DiskBudget> budget_;
  std::mutex attaching_;           // who changes volumes_ has it meanwhile
  bool checking_volumes_ = false;  // guarded by attaching_
  mutable Guarded<Volumes> volumes_;
  mutable Guarded<std::vector<std::shared_ptr<ReachableStore>>> stores_;
  mutable Guarded<std::set<artifact::ArtifactName>> published_;
  Guarded<std::set<std::string>> bringing_;  // titles that a caller is bringing; others wait for it
  std::stop_source stop_;
  const std::unique_ptr<ThreadPool> background_;  // publication and the volumes' check
};

}  // namespace zeropull::agent
