#include "agent/endpoint_cache.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "agent/log.h"
#include "agent/reachable_store.h"
#include "artifact/fetcher.h"
#include "artifact/publisher.h"
#include "artifact/store_catalog.h"
#include "base/units.h"
#include "os/process.h"

namespace zeropull::agent {

namespace {

constexpr auto kPublicationMax = std::chrono::hours(6);

void check_volume(const Context& ctx, artifact::AttachedVolume& volume) {
  auto verified = volume.verify_all(ctx);
  if (verified.ok()) {
    LOG_INFO(kLog, "volume {}: every byte as it was sealed", volume.path());
  } else if (volume.withdrawn()) {
    LOG_ERROR(kLog, "withdrawn: {}", verified.error().to_string());
  } else if (ctx.check().ok()) {
    LOG_WARN(kLog, "could not check: {}", verified.error().to_string());
  }
}

}  // namespace

Result<EndpointSettings> EndpointSettings::from(const AgentConfig& config) {
  auto key = TRY(artifact::EndpointKey::load_or_create(config.key_file, Random::secure()).with_context("key_file"));
  EndpointSettings settings{.root = config.root, .key = key, .volumes = config.volumes, .stores = config.stores};
  settings.registries = config.registries;
  settings.jobs = config.jobs;
  settings.layer_expanded_bytes_max = config.layer_expanded_bytes_max;
  settings.verify_volumes_after_s = config.verify_volumes_after_s;
  return settings;
}

std::string_view source_name(SourceKind kind) {
  switch (kind) {
    case SourceKind::kCache: return "cache";
    case SourceKind::kVolume: return "volume";
    case SourceKind::kStore: return "store";
    case SourceKind::kRegistry: return "registry";
    case SourceKind::kOrigin: return "origin";
  }
  return "unknown";
}

EndpointCache::EndpointCache(EndpointSettings settings)
    : settings_(std::move(settings)),
      background_(std::make_unique<ThreadPool>(ThreadPoolOptions{.name = "background", .threads = 2})) {}

EndpointCache::~EndpointCache() { stop(); }

Result<std::unique_ptr<EndpointCache>> EndpointCache::create(const Context& ctx, EndpointSettings settings) {
  std::unique_ptr<EndpointCache> cache(new EndpointCache(std::move(settings)));
  TRY(cache->background_->post([] {
    if (auto lowered = os::give_way(); !lowered.ok()) LOG_WARN(kLog, "background work: {}", lowered.error().to_string());
  }));
  artifact::CacheFolderOptions options{.access = artifact::Access::kWrite, .key = cache->key()};
  cache->folder_ = TRY(artifact::CacheFolder::open(cache->settings_.root + "/cache", options));
  for (const auto& broken : cache->folder_->broken()) {
    LOG_ERROR(kLog, "cache: leave out {}: {}", broken.path, broken.error.to_string());
  }
  cache->budget_ = std::make_unique<DiskBudget>(*cache->folder_, cache->settings_.budget_bytes, Clock::system());
  cache->collect();
  cache->set_volumes(ctx, cache->settings_.volumes);
  cache->set_stores(cache->settings_.stores);
  return cache;
}

void EndpointCache::stop() {
  stop_.request_stop();
  background_->stop();
}

Caching EndpointCache::caching_of(artifact::ArtifactKind kind) const {
  return kind == artifact::ArtifactKind::kImage ? settings_.image_cache : settings_.model_cache;
}

// Attaching reads the volume, so it is not done under the lock that finders need.
void EndpointCache::attach(const Context& ctx, Volume& volume) {
  auto mount_point = fmt::format("{}/volumes/{}", settings_.root, volumes_.lock()->all.size());
  auto attached = artifact::AttachedVolume::attach(ctx, volume.path, key(), mount_point);
  if (attached.ok()) {
    volume.attached = std::move(attached).take();
    volumes_.lock()->all.push_back(volume.attached);
    if (checking_volumes_) check_behind(volume.attached);
    return;
  }
  if (volume.error != attached.error().message()) LOG_ERROR(kLog, "go on without a volume: {}", attached.error().to_string());
  volume.error = attached.error().message();
}

void EndpointCache::set_volumes(const Context& ctx, const std::vector<std::string>& paths) {
  std::lock_guard attaching(attaching_);
  auto known = volumes_.lock()->listed;
  std::vector<Volume> listed;
  for (const auto& path : paths) {
    auto before = std::ranges::find(known, path, &Volume::path);
    listed.push_back(before != known.end() ? *before : Volume{.path = path, .attached = nullptr, .error = {}});
    if (!listed.back().attached) attach(ctx, listed.back());
  }
  volumes_.lock()->listed = std::move(listed);
}

void EndpointCache::refresh_volumes(const Context& ctx) {
  std::lock_guard attaching(attaching_);
  auto listed = volumes_.lock()->listed;
  for (auto& volume : listed) {
    if (!volume.attached) {
      attach(ctx, volume);
    } else if (auto refreshed = volume.attached->refresh(ctx); !refreshed.ok()) {
      LOG_WARN(kLog, "{}", refreshed.error().to_string());
    }
  }
  volumes_.lock()->listed = std::move(listed);
}

void EndpointCache::set_stores(const std::vector<StoreConfig>& configs) {
  std::vector<std::shared_ptr<ReachableStore>> stores;
  for (const auto& config : configs) {
    auto store = ReachableStore::open(config);
    if (store.ok()) {
      stores.push_back(std::move(store).take());
    } else {
      LOG_ERROR(kLog, "go on without a store: {}", store.error().to_string());
    }
  }
  *stores_.lock() = std::move(stores);
}

std::vector<std::shared_ptr<artifact::AttachedVolume>> EndpointCache::attached() const {
  std::vector<std::shared_ptr<artifact::AttachedVolume>> attached;
  auto volumes = volumes_.lock();
  for (const auto& volume : volumes->listed) {
    if (volume.attached) attached.push_back(volume.attached);
  }
  return attached;
}

std::vector<std::string> EndpointCache::withdrawn_volumes() const {
  std::vector<std::string> paths;
  for (const auto& volume : attached()) {
    if (volume->withdrawn()) paths.push_back(volume->path());
  }
  return paths;
}

bool EndpointCache::serves(const std::string& path) const {
  if (path == folder_->path()) return true;
  return std::ranges::any_of(attached(),
                             [&](const auto& volume) { return volume->folder().path() == path && !volume->withdrawn(); });
}

std::vector<FoundArtifact> EndpointCache::images() const {
  std::vector<FoundArtifact> found;
  auto add = [&](artifact::ArtifactPtr image, const artifact::CacheFolder& folder, SourceKind source) {
    found.push_back({.artifact = std::move(image), .folder = &folder, .source = source, .reason = {}, .hold = {}});
  };
  for (auto& image : folder_->images()) add(std::move(image), *folder_, SourceKind::kCache);
  for (const auto& volume : attached()) {
    for (auto& image : volume->images()) add(std::move(image), volume->folder(), SourceKind::kVolume);
  }
  return found;
}

std::optional<FoundArtifact> EndpointCache::find(const artifact::ArtifactName& name, Caching caching) const {
  FoundArtifact found;
  found.artifact = folder_->find(name);
  found.folder = folder_.get();
  if (found.artifact) return found;
  if (caching == Caching::kOff) return std::nullopt;
  found.source = SourceKind::kVolume;
  for (const auto& volume : attached()) {
    found.artifact = volume->find(name);
    found.folder = &volume->folder();
    if (found.artifact) return found;
  }
  return std::nullopt;
}

std::vector<CacheEntry> EndpointCache::cached() const {
  std::vector<CacheEntry> all;
  auto published = published_.lock();
  for (const auto& one : folder_->artifacts()) {
    all.push_back({.name = one->name(), .bytes = one->total_size(), .published = published->contains(one->name())});
  }
  return all;
}

std::string EndpointCache::why_not_here(const WantedArtifact& wanted) const {
  std::vector<std::string> reasons;
  std::string own = "not found";
  for (const auto& broken : folder_->broken()) {
    if (wanted.name && broken.path == folder_->artifact_path(*wanted.name)) own = broken.error.message();
  }
  reasons.push_back("cache: " + own);
  if (wanted.caching == Caching::kOff) {
    reasons.push_back(fmt::format("volumes and stores: the {} cache is off", artifact::kind_name(wanted.kind)));
    return fmt::to_string(fmt::join(reasons, "; "));
  }
  auto volumes = volumes_.lock();
  if (volumes->listed.empty()) reasons.emplace_back("volume: none");
  for (const auto& volume : volumes->listed) {
    std::string why = volume.error;
    if (volume.attached) {
      why = volume.attached->withdrawn() ? "withdrawn" : "not found";
      if (wanted.name) why = volume.attached->why_not(*wanted.name);
    }
    reasons.push_back(fmt::format("volume {}: {}", volume.path, why));
  }
  return fmt::to_string(fmt::join(reasons, "; "));
}

// What is here, held; looked at again once it is, as it may have been evicted between.
std::optional<FoundArtifact> EndpointCache::take(const WantedArtifact& wanted) {
  auto found = wanted.find();
  if (!found) return found;
  if (found->source == SourceKind::kVolume) {
    found->reason = "cache: not found";
    return found;
  }
  found->hold = budget_->hold(found->artifact->name());
  if (!folder_->find(found->artifact->name())) return std::nullopt;
  return found;
}

Result<FoundArtifact> EndpointCache::bring(const Context& ctx, const WantedArtifact& wanted, const artifact::Progress& progress) {
  if (auto found = take(wanted)) return std::move(*found);
  {
    auto bringing = bringing_.lock();
    if (!bringing.wait(ctx, [&] { return !bringing->contains(wanted.title); })) TRY(ctx.check());
    bringing->insert(wanted.title);
  }
  auto result = bring_alone(ctx, wanted, progress);
  auto bringing = bringing_.lock();
  bringing->erase(wanted.title);
  bringing.notify_all();
  return result;
}

Result<FoundArtifact> EndpointCache::bring_alone(const Context& ctx, const WantedArtifact& wanted,
                                                 const artifact::Progress& progress) {
  if (wanted.caching == Caching::kOn) refresh_volumes(ctx);
  if (auto found = take(wanted)) return std::move(*found);  // somebody else, or the volume's owner, may have brought it
  auto reason = why_not_here(wanted);
  auto asked = SourceKind::kStore;  // as `reason`, changed between transfers alone
  WireMeter wire([&](std::uint64_t bytes) {
    if (wanted.on_arriving) wanted.on_arriving({.source = asked, .wire_bytes = bytes, .reason = reason});
  });
  auto finish = [&](artifact::ArtifactPtr artifact, SourceKind source) -> Result<FoundArtifact> {
    FoundArtifact found{.artifact = std::move(artifact),
                        .folder = folder_.get(),
                        .source = source,
                        .wire_bytes = wire.bytes(),
                        .reason = reason,
                        .hold = {}};
    found.hold = budget_->hold(found.artifact->name());
    auto settled = budget_->settle(found.artifact->name());
    if (settled.ok()) return found;
    found.hold.reset();
    if (auto gone = folder_->evict(found.artifact->name()); !gone.ok()) LOG_WARN(kLog, "{}", gone.error().to_string());
    return std::move(settled).take_error();
  };
  auto stores = *stores_.lock();
  if (wanted.caching == Caching::kOff) stores.clear();
  if (stores.empty() && wanted.caching == Caching::kOn) reason += "; store: none";
  for (const auto& store : stores) {
    MeteredStore metered(store->store(), wire);
    auto fetched = fetch(ctx, wanted, metered, progress);
    if (fetched.ok()) {
      published_.lock()->insert((*fetched)->name());
      return finish(std::move(fetched).take(), SourceKind::kStore);
    }
    TRY(ctx.check());
    if (fetched.failed_with(Code::kResourceExhausted)) return std::move(fetched).take_error();
    bool absent = fetched.failed_with(Code::kNotFound);
    reason += fmt::format("; store {}: {}", store->name(), absent ? "not found" : fetched.error().message());
    if (!absent) LOG_WARN(kLog, "{} from {}: {}; ask the next source", wanted.title, store->name(), fetched.error().to_string());
  }
  asked = wanted.origin;
  auto converted = wanted.convert(ctx, wire);
  if (!converted.ok()) {
    collect();  // what it left
    return std::move(converted).take_error();
  }
  auto found = TRY(finish(std::move(converted).take(), wanted.origin));
  if (wanted.caching == Caching::kOn) publish_behind(found.artifact);
  return found;
}

Result<artifact::ArtifactPtr> EndpointCache::fetch(const Context& ctx, const WantedArtifact& wanted, store::ObjectStore& store,
                                                   const artifact::Progress& progress) {
  auto index = TRY(wanted.find_in_store(ctx, store));
  std::optional<DiskBudget::Reservation> reservation;
  artifact::FetchOptions options{.progress = progress, .make_room = make_room(reservation, 1)};
  if (settings_.jobs != 0) options.connections = settings_.jobs;
  auto fetched = artifact::fetch_artifact(ctx, store, *index, *folder_, options);
  if (!fetched.ok()) collect();
  TRY(std::move(fetched));
  auto here = folder_->find(index->name());
  if (!here) return make_error(Code::kAborted, "{} was removed while it was fetched", index->name());
  return here;
}

artifact::MakeRoom EndpointCache::make_room(std::optional<DiskBudget::Reservation>& into, std::uint64_t expansion) {
  return [this, &into, expansion](std::uint64_t bytes) -> Result<void> {
    auto reservation = TRY(budget_->reserve(bytes, bytes * expansion));
    into.emplace(std::move(reservation));
    return {};
  };
}

// The caller's container starts meanwhile. A publication that fails costs the next instance time, not this one.
void EndpointCache::publish_behind(const artifact::ArtifactPtr& artifact) {
  auto stores = *stores_.lock();
  for (const auto& store : stores) {
    if (!store->publishes()) continue;
    auto posted = background_->post([this, artifact, store] { publish(store, artifact); });
    if (!posted.ok()) LOG_WARN(kLog, "publish to {}: {}", store->name(), posted.error().to_string());
  }
}

void EndpointCache::publish(const std::shared_ptr<ReachableStore>& store, const artifact::ArtifactPtr& artifact) {
  auto name = artifact->name();
  auto hold = budget_->hold(name);
  if (!folder_->find(name)) return;  // removed meanwhile
  auto ctx = Context::root("publish", stop_.get_token(), kPublicationMax);
  auto published = [&]() -> Result<void> {
    auto publisher = TRY(artifact::Publisher::create(ctx, store->store(), key()));
    return publisher->publish_artifact(ctx, *folder_, artifact->contents());
  }();
  if (published.ok()) {
    note_published(name);
  } else {
    LOG_WARN(kLog, "publish {} to {}: {}", name, store->name(), published.error().to_string());
  }
}

void EndpointCache::note_published(const artifact::ArtifactName& name) {
  published_.lock()->insert(name);
  if (settings_.on_published) settings_.on_published();
}

void EndpointCache::publish_missing() {
  auto posted = background_->post([this] {
    auto ctx = Context::root("publish", stop_.get_token(), kPublicationMax);
    auto stores = *stores_.lock();
    for (const auto& store : stores) {
      for (const auto& one : folder_->artifacts()) {
        if (!store->publishes() || caching_of(one->name().kind) == Caching::kOff || !ctx.check().ok()) continue;
        auto present = artifact::read_store_artifact(ctx, store->store(), key(), one->name());
        if (present.ok()) note_published(one->name());
        if (present.failed_with(Code::kNotFound)) publish(store, one);
      }
    }
  });
  if (!posted.ok()) LOG_WARN(kLog, "publish what is missing: {}", posted.error().to_string());
}

void EndpointCache::collect() {
  auto collected = folder_->collect({});
  if (collected.ok() && collected->blobs + collected->leftovers > 0) {
    LOG_INFO(kLog, "collected {} blobs and {} leftovers, {}", collected->blobs, collected->leftovers,
             format_bytes(collected->bytes));
  }
  // A conversion that runs elsewhere collects when it ends.
  if (!collected.ok() && !collected.failed_with(Code::kUnavailable)) {
    LOG_WARN(kLog, "collect: {}", collected.error().to_string());
  }
}

void EndpointCache::check_behind(std::shared_ptr<artifact::AttachedVolume> volume) {
  auto posted = background_->post([this, volume = std::move(volume)] {
    auto ctx = Context::root("verify-volumes", stop_.get_token(), std::chrono::hours(24 * 7));
    if (ctx.sleep(std::chrono::seconds(settings_.verify_volumes_after_s)).ok()) check_volume(ctx, *volume);
  });
  if (!posted.ok()) LOG_WARN(kLog, "check the volumes: {}", posted.error().to_string());
}

void EndpointCache::start_volume_check() {
  std::lock_guard attaching(attaching_);
  checking_volumes_ = true;
  for (const auto& volume : attached()) check_behind(volume);
}

void EndpointCache::detach_volumes() {
  auto volumes = volumes_.lock();
  for (const auto& volume : volumes->all) {
    auto detached = volume->detach();
    if (!detached.ok()) LOG_WARN(kLog, "detach volume {}: {}", volume->path(), detached.error().to_string());
  }
}

}  // namespace zeropull::agent
