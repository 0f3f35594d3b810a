#include "agent/image_catalog.h"

#include <algorithm>

#include "agent/log.h"
#include "agent/registry_access.h"
#include "artifact/converter.h"
#include "artifact/references.h"
#include "artifact/store_catalog.h"

namespace zeropull::agent {

namespace {

// How far layers expand as a rule: room is made for that much, where it goes, before an image is converted.
constexpr std::uint64_t kExpansion = 3;

bool has_chain(const artifact::ArtifactIndex& image, const ChainId& chain) {
  return std::ranges::count(image.image().layers, chain, &artifact::ImageLayer::chain_id) > 0;
}

// The same source, with the bytes of manifests and blobs that came out of it counted.
class MeteredSource final : public oci::ImageSource {
 public:
  MeteredSource(oci::ImageSource& source, WireMeter& wire) : source_(source), wire_(wire) {}
  Result<oci::RawManifest> fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) override {
    auto manifest = TRY(source_.fetch_manifest(ctx, digest));
    wire_.add(manifest.bytes.size());
    return manifest;
  }
  Result<void> fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const oci::BlobSink& sink) override {
    return source_.fetch_blob(ctx, digest, size, [&](ByteView bytes) {
      wire_.add(bytes.size());
      return sink(bytes);
    });
  }
  std::string describe() const override { return source_.describe(); }

 private:
  oci::ImageSource& source_;
  WireMeter& wire_;
};

Result<artifact::ArtifactPtr> find_in_store(const Context& ctx, store::ObjectStore& store, const artifact::EndpointKey& key,
                                            const oci::RegistryReference& reference) {
  if (reference.digest) return artifact::read_store_artifact(ctx, store, key, *reference.digest);
  auto catalog = TRY(artifact::read_store_catalog(ctx, store, key));
  for (const auto& broken : catalog.broken) LOG_WARN(kLog, "leave out an artifact: {}", broken.error.to_string());
  auto image = catalog.find_reference(reference.name());
  if (!image) return make_error(Code::kNotFound, "no image {}", reference.name());
  return image;
}

}  // namespace

ImageCatalog::ImageCatalog(EndpointCache& cache) : cache_(cache) {
  cache_.budget().add_in_use([this] { return in_use(); });
}

void ImageCatalog::set_chains_in_use(std::function<Result<std::vector<ChainId>>()> chains) {
  *chains_in_use_.lock() = std::move(chains);
}

Result<std::set<artifact::ArtifactName>> ImageCatalog::in_use() const {
  auto ask = *chains_in_use_.lock();
  std::set<artifact::ArtifactName> names;
  if (!ask) return names;
  auto chains = TRY(ask());
  for (const auto& image : cache_.folder().images()) {
    if (std::ranges::any_of(chains, [&](const auto& chain) { return has_chain(*image, chain); })) names.insert(image->name());
  }
  return names;
}

std::optional<FoundImage> ImageCatalog::find_reference(const oci::RegistryReference& reference) const {
  return find_for(reference, Caching::kOn);
}

std::optional<FoundImage> ImageCatalog::find_for(const oci::RegistryReference& reference, Caching caching) const {
  auto all = cache_.images();
  std::optional<FoundImage> best;
  std::optional<artifact::ResolvedTime> best_time;
  auto name = reference.name();
  for (auto& found : all) {
    if (caching == Caching::kOff && found.source != SourceKind::kCache) continue;
    if (reference.digest && found.artifact->image().manifest_digest == *reference.digest) return std::move(found);
    auto time = artifact::resolved_at(found.artifact->image(), name);
    if (time && (!best_time || *time > *best_time)) {  // of equals the cache's, which comes first
      best_time = time;
      best = std::move(found);
    }
  }
  return best;
}

std::optional<FoundChain> ImageCatalog::find_chain(const ChainId& chain) const {
  std::optional<FoundChain> best;
  for (auto& found : cache_.images()) {
    const auto& layers = found.artifact->image().layers;
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
  WantedArtifact wanted;
  wanted.kind = artifact::ArtifactKind::kImage;
  wanted.title = reference.name();
  if (reference.digest) wanted.name = artifact::ArtifactName(*reference.digest);
  wanted.caching = cache_.settings().image_cache;
  wanted.origin = SourceKind::kRegistry;
  wanted.on_arriving = request.on_arriving;
  wanted.find = [&] { return find_for(reference, wanted.caching); };
  wanted.find_in_store = [&](const Context& each, store::ObjectStore& store) {
    return find_in_store(each, store, cache_.key(), reference);
  };
  wanted.convert = [&](const Context& each, WireMeter& wire) {
    return convert(each, reference, request.plain_http, progress, wire);
  };
  return cache_.bring(ctx, wanted, progress);
}

oci::RegistryOptions ImageCatalog::registry_options(const oci::RegistryReference& reference, bool plain_http) const {
  const auto& settings = cache_.settings();
  const auto& registries = settings.registries;
  oci::RegistryOptions options{.auth_file = registries.auth_file};
  options.progress_timeout = std::chrono::seconds(registries.progress_timeout_s);
  options.machine_logins = settings.logins == Logins::kOfMachine;
  if (plain_http || std::ranges::count(registries.plain_http, reference.host) > 0) options.plain = http::Plain::kAllowed;
  auto mirrors = registries.mirrors.find(reference.host);
  if (mirrors != registries.mirrors.end()) options.mirrors = mirrors->second;
  use_accesses(settings.accesses, reference.host, options);
  if (settings.guard) options.guard = settings.guard();
  return options;
}

Result<artifact::ArtifactPtr> ImageCatalog::convert(const Context& ctx, const oci::RegistryReference& reference, bool plain_http,
                                                    const artifact::Progress& progress, WireMeter& wire) {
  auto source = TRY(oci::RegistrySource::create(reference, registry_options(reference, plain_http)));
  MeteredSource metered(*source, wire);
  std::optional<DiskBudget::Reservation> reservation;
  artifact::ConvertOptions options{.reference = reference.name(),
                                   .jobs = cache_.settings().jobs,
                                   .memory = convert_memory_,
                                   .limits = {.expanded_max = cache_.settings().layer_expanded_bytes_max},
                                   .progress = progress,
                                   .make_room = cache_.make_room(reservation, kExpansion)};
  return artifact::convert_image(ctx, metered, cache_.folder(), options);
}

Result<void> ImageCatalog::remove(const oci::RegistryReference& reference, const std::vector<ChainId>& in_use) {
  auto found = find_reference(reference);
  if (!found || found->source != SourceKind::kCache) {
    return make_error(Code::kNotFound, "this instance's own cache holds no image {}", reference.name());
  }
  auto others = images();
  std::erase_if(others, [&](const FoundImage& other) { return other.artifact == found->artifact; });
  for (const auto& chain : in_use) {
    bool elsewhere = std::ranges::any_of(others, [&](const FoundImage& other) { return has_chain(*other.artifact, chain); });
    if (has_chain(*found->artifact, chain) && !elsewhere) {
      return make_error(Code::kFailedPrecondition,
                        "{} is in use by snapshots: remove its containers and its image in containerd first", reference.name());
    }
  }
  TRY(cache_.folder().remove_artifact(found->artifact->name()));
  cache_.collect();
  return {};
}

}  // namespace zeropull::agent
