#include "agent/image_catalog.h"

#include <algorithm>
#include <set>
#include <thread>

#include "agent/reachable_store.h"
#include "artifact/converter.h"
#include "artifact/references.h"
#include "base/log.h"
#include "base/units.h"
#include "oci/registry.h"
#include "os/file.h"
#include "os/process.h"

namespace zeropull::agent {

namespace {

constexpr Logger kLog{"agent"};

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

std::string_view source_name(ImageSourceKind kind) {
  switch (kind) {
    case ImageSourceKind::kCache: return "cache";
    case ImageSourceKind::kVolume: return "volume";
    case ImageSourceKind::kStore: return "store";
    case ImageSourceKind::kRegistry: return "registry";
  }
  return "unknown";
}

ImageCatalog::ImageCatalog(AgentConfig config, artifact::EndpointKey key)
    : config_(std::move(config)),
      key_(std::move(key)),
      background_(std::make_unique<ThreadPool>(ThreadPoolOptions{.name = "background", .threads = 2})) {}

ImageCatalog::~ImageCatalog() { stop(); }

Result<std::unique_ptr<ImageCatalog>> ImageCatalog::create(const Context& ctx, const AgentConfig& config) {
  auto key = TRY(artifact::EndpointKey::load_or_create(config.key_file, Random::secure()).with_context("key_file"));
  std::unique_ptr<ImageCatalog> catalog(new ImageCatalog(config, key));
  TRY(catalog->background_->post([] {
    if (auto lowered = os::give_way(); !lowered.ok()) LOG_WARN(kLog, "background work: {}", lowered.error().to_string());
  }));
  artifact::CacheFolderOptions options{.access = artifact::Access::kWrite, .key = key};
  catalog->cache_ = TRY(artifact::CacheFolder::open(config.root + "/cache", options));
  for (const auto& broken : catalog->cache_->broken()) {
    LOG_ERROR(kLog, "cache: leave out {}: {}", broken.path, broken.error.to_string());
  }
  catalog->collect();
  for (const auto& path : config.volumes) {
    auto mount_point = fmt::format("{}/volumes/{}", config.root, catalog->volumes_.size());
    auto volume = artifact::AttachedVolume::attach(ctx, path, key, mount_point);
    if (volume.ok()) {
      catalog->volumes_.push_back(std::move(volume).take());
    } else {
      LOG_ERROR(kLog, "go on without a volume: {}", volume.error().to_string());
    }
  }
  for (const auto& store : config.stores) {
    auto reachable = ReachableStore::open(store);
    if (reachable.ok()) {
      catalog->stores_.push_back(std::move(reachable).take());
    } else {
      LOG_ERROR(kLog, "go on without a store: {}", reachable.error().to_string());
    }
  }
  return catalog;
}

void ImageCatalog::stop() {
  stop_.request_stop();
  background_->stop();
}

std::size_t ImageCatalog::jobs() const { return config_.jobs; }

std::vector<FoundImage> ImageCatalog::images() const {
  std::vector<FoundImage> found;
  for (auto& image : cache_->images()) found.push_back({std::move(image), cache_.get(), ImageSourceKind::kCache});
  for (const auto& volume : volumes_) {
    for (auto& image : volume->images()) found.push_back({std::move(image), &volume->folder(), ImageSourceKind::kVolume});
  }
  return found;
}

std::optional<FoundImage> ImageCatalog::find_reference(const oci::RegistryReference& reference) const {
  auto all = images();
  std::optional<FoundImage> best;
  std::optional<artifact::ResolvedTime> best_time;
  auto name = reference.name();
  for (auto& found : all) {
    if (reference.digest && found.image->image().manifest_digest == *reference.digest) return std::move(found);
    auto time = artifact::resolved_at(found.image->image(), name);
    if (time && (!best_time || *time > *best_time)) {  // of equals the cache's, which comes first
      best_time = time;
      best = std::move(found);
    }
  }
  return best;
}

std::optional<FoundChain> ImageCatalog::find_chain(const ChainId& chain) const {
  std::optional<FoundChain> best;
  for (auto& found : images()) {
    const auto& layers = found.image->image().layers;
    auto at = std::ranges::find(layers, chain, &artifact::ImageLayer::chain_id);
    if (at == layers.end()) continue;
    FoundChain match{.found = found, .layers = static_cast<std::size_t>(at - layers.begin()) + 1};
    if (match.whole()) return match;  // its metadata image serves as it is
    if (!best) best = std::move(match);
  }
  return best;
}

Result<FoundImage> ImageCatalog::ensure(const Context& ctx, const EnsureRequest& request, const artifact::Progress& progress) {
  auto reference = TRY(oci::parse_image_name(request.reference));
  auto found = find_reference(reference);
  if (found) return std::move(*found);

  auto name = reference.name();
  {
    auto ensuring = ensuring_.lock();
    if (!ensuring.wait(ctx, [&] { return !ensuring->contains(name); })) TRY(ctx.check());
    found = find_reference(reference);  // somebody else may have brought it
    if (found) return std::move(*found);
    ensuring->insert(name);
  }
  auto result = bring(ctx, reference, request.plain_http, progress);
  auto ensuring = ensuring_.lock();
  ensuring->erase(name);
  ensuring.notify_all();
  return result;
}

Result<FoundImage> ImageCatalog::bring(const Context& ctx, const oci::RegistryReference& reference, bool plain_http,
                                       const artifact::Progress& progress) {
  for (const auto& store : stores_) {
    auto fetched = store->fetch(ctx, key_, reference, *cache_, jobs(), progress);
    if (fetched.ok()) return FoundImage{std::move(fetched).take(), cache_.get(), ImageSourceKind::kStore};
    TRY(ctx.check());
    if (!fetched.failed_with(Code::kNotFound)) {
      LOG_WARN(kLog, "{} from {}: {}; ask the next source", reference.name(), store->name(), fetched.error().to_string());
    }
  }
  const auto& registries = config_.registries;
  oci::RegistryOptions options{.auth_file = registries.auth_file};
  options.progress_timeout = std::chrono::seconds(registries.progress_timeout_s);
  if (plain_http || std::ranges::count(registries.plain_http, reference.host) > 0) options.plain = http::Plain::kAllowed;
  auto mirrors = registries.mirrors.find(reference.host);
  if (mirrors != registries.mirrors.end()) options.mirrors = mirrors->second;
  auto source = TRY(oci::RegistrySource::create(reference, std::move(options)));
  artifact::ConvertOptions convert{.reference = reference.name(),
                                   .jobs = jobs(),
                                   .limits = {.expanded_max = config_.layer_expanded_bytes_max},
                                   .progress = progress};
  auto image = artifact::convert_image(ctx, *source, *cache_, convert);
  if (!image.ok()) {
    collect();  // what it left
    return std::move(image).take_error();
  }
  publish_behind(*image);
  return FoundImage{std::move(image).take(), cache_.get(), ImageSourceKind::kRegistry};
}

// The caller's container starts meanwhile. A publication that fails costs the next instance time, not this one.
void ImageCatalog::publish_behind(const artifact::ImagePtr& image) {
  for (const auto& store : stores_) {
    if (!store->publishes()) continue;
    auto posted = background_->post([this, image, &store] {
      auto ctx = Context::root("publish", stop_.get_token(), std::chrono::hours(6));
      auto published = store->publish(ctx, key_, *cache_, *image);
      if (!published.ok()) {
        LOG_WARN(kLog, "publish {} to {}: {}", image->image().manifest_digest, store->name(), published.error().to_string());
      }
    });
    if (!posted.ok()) LOG_WARN(kLog, "publish to {}: {}", store->name(), posted.error().to_string());
  }
}

Result<void> ImageCatalog::remove(const oci::RegistryReference& reference, const std::vector<ChainId>& in_use) {
  auto found = find_reference(reference);
  if (!found || found->source != ImageSourceKind::kCache) {
    return make_error(Code::kNotFound, "this instance's own cache holds no image {}", reference.name());
  }
  auto has = [](const artifact::ArtifactIndex& image, const ChainId& chain) {
    return std::ranges::count(image.image().layers, chain, &artifact::ImageLayer::chain_id) > 0;
  };
  auto others = images();
  std::erase_if(others, [&](const FoundImage& other) { return other.image == found->image; });
  for (const auto& chain : in_use) {
    bool elsewhere = std::ranges::any_of(others, [&](const FoundImage& other) { return has(*other.image, chain); });
    if (has(*found->image, chain) && !elsewhere) {
      return make_error(Code::kFailedPrecondition,
                        "{} is in use by snapshots: remove its containers and its image in containerd first", reference.name());
    }
  }
  TRY(cache_->remove_artifact(found->image->image().manifest_digest));
  collect();
  return {};
}

void ImageCatalog::collect() {
  auto collected = cache_->collect({});
  if (collected.ok() && collected->blobs + collected->leftovers > 0) {
    LOG_INFO(kLog, "collected {} blobs and {} leftovers, {}", collected->blobs, collected->leftovers,
             format_bytes(collected->bytes));
  }
  // A conversion that runs elsewhere collects when it ends.
  if (!collected.ok() && !collected.failed_with(Code::kUnavailable)) {
    LOG_WARN(kLog, "collect: {}", collected.error().to_string());
  }
}

void ImageCatalog::start_volume_check() {
  if (volumes_.empty()) return;
  auto posted = background_->post([this] {
    auto ctx = Context::root("verify-volumes", stop_.get_token(), std::chrono::hours(24 * 7));
    if (!ctx.sleep(std::chrono::seconds(config_.verify_volumes_after_s)).ok()) return;
    for (const auto& volume : volumes_) check_volume(ctx, *volume);
  });
  if (!posted.ok()) LOG_WARN(kLog, "check the volumes: {}", posted.error().to_string());
}

void ImageCatalog::detach_volumes() {
  for (const auto& volume : volumes_) {
    auto detached = volume->detach();
    if (!detached.ok()) LOG_WARN(kLog, "detach volume {}: {}", volume->path(), detached.error().to_string());
  }
}

}  // namespace zeropull::agent
