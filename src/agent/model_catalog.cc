#include "agent/model_catalog.h"

#include "agent/log.h"
#include "artifact/model_converter.h"
#include "artifact/store_catalog.h"
#include "artifact/verify.h"

namespace zeropull::agent {

namespace {

// An archive expands as a rule to so much: room is made for it, where it goes, before it is downloaded.
constexpr std::uint64_t kArchiveExpansion = 2;

// The same origin, with the bytes that came out of it counted.
class MeteredOrigin final : public origin::ModelOrigin {
 public:
  MeteredOrigin(origin::ModelOrigin& origin, WireMeter& wire) : origin_(origin), wire_(wire) {}
  Result<origin::ModelListing> list(const Context& ctx) override { return origin_.list(ctx); }
  Result<void> read(const Context& ctx, const origin::ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const origin::ByteSink& sink) override {
    return origin_.read(ctx, file, offset, length, [&](ByteView bytes) {
      wire_.add(bytes.size());
      return sink(bytes);
    });
  }

 private:
  origin::ModelOrigin& origin_;
  WireMeter& wire_;
};

Result<ModelIdentity> parse_identity(const std::string& hex) {
  auto digest = Sha256::from_hex(hex);
  if (!digest) return make_error(Code::kInvalidArgument, "model identity {:?}: not 64 hexadecimal digits", hex);
  return ModelIdentity{*digest};
}

}  // namespace

ModelCatalog::ModelCatalog(EndpointCache& cache, MountPoints points, OpenOrigin open_origin)
    : cache_(cache), open_origin_(std::move(open_origin)), points_(std::move(points)) {
  cache_.budget().add_in_use([this] { return Result(mounted_names()); });
}

Result<std::unique_ptr<ModelCatalog>> ModelCatalog::create(const std::string& root, EndpointCache& cache,
                                                           artifact::FileDirectIo file_direct_io, OpenOrigin open_origin) {
  auto points = TRY(MountPoints::open(root + "/models", file_direct_io));
  return std::unique_ptr<ModelCatalog>(new ModelCatalog(cache, std::move(points), std::move(open_origin)));
}

void ModelCatalog::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
}

std::set<artifact::ArtifactName> ModelCatalog::mounted_names() const {
  std::lock_guard lock(mutex_);
  std::set<artifact::ArtifactName> names;
  for (const auto& name : points_.names()) {
    auto identity = Sha256::from_hex(name);
    if (identity && points_.mounted(name)) names.insert(ModelIdentity{*identity});
  }
  return names;
}

Result<FoundModel> ModelCatalog::ensure(const Context& ctx, const ModelRequest& request, const artifact::Progress& progress) {
  std::unique_ptr<origin::ModelOrigin> origin;
  auto identity_text = request.identity;
  if (identity_text.empty()) {
    origin = TRY(open_origin_(request.location, request.access));
    auto listing = TRY(origin->list(ctx).with_context("list model {}", request.location.uri));
    identity_text = listing.identity;
  }
  auto identity = TRY(parse_identity(identity_text));
  WantedArtifact wanted;
  wanted.kind = artifact::ArtifactKind::kModel;
  wanted.title = "model " + identity.hex();
  wanted.name = artifact::ArtifactName(identity);
  wanted.caching = cache_.settings().model_cache;
  wanted.origin = SourceKind::kOrigin;
  wanted.on_arriving = request.on_arriving;
  wanted.find = [&] { return cache_.find(identity, wanted.caching); };
  wanted.find_in_store = [&](const Context& each, store::ObjectStore& store) {
    return artifact::read_store_artifact(each, store, cache_.key(), identity);
  };
  wanted.convert = [&](const Context& each, WireMeter& wire) -> Result<artifact::ArtifactPtr> {
    if (!origin) origin = TRY(open_origin_(request.location, request.access));
    return convert(each, *origin, identity, progress, wire).with_context("model {}", request.location.uri);
  };
  auto found = TRY(cache_.bring(ctx, wanted, progress));
  return FoundModel{.identity = identity,
                    .source = found.source,
                    .wire_bytes = found.wire_bytes,
                    .total_bytes = found.artifact->model().origin_size,
                    .reason = std::move(found.reason),
                    .hold = std::move(found.hold)};
}

Result<artifact::ArtifactPtr> ModelCatalog::convert(const Context& ctx, origin::ModelOrigin& origin,
                                                    const ModelIdentity& identity, const artifact::Progress& progress,
                                                    WireMeter& wire) {
  auto listing = TRY(origin.list(ctx));
  if (listing.identity != identity.hex()) {
    return make_error(Code::kFailedPrecondition,
                      "its files at the origin are not those with the identity {} any more: update what uses it", identity.hex());
  }
  MeteredOrigin metered(origin, wire);
  std::optional<DiskBudget::Reservation> reservation;
  auto expansion = listing.form == origin::ModelForm::kTar ? kArchiveExpansion : 1;
  artifact::ConvertModelOptions options{.limits = {.expanded_max = cache_.settings().layer_expanded_bytes_max},
                                        .progress = progress,
                                        .make_room = cache_.make_room(reservation, expansion)};
  return artifact::convert_model(ctx, metered, listing, cache_.folder(), options);
}

Result<void> ModelCatalog::ensure_mounted_locked(const Context& ctx, const ModelIdentity& identity) {
  auto name = identity.hex();
  if (points_.mounted(name)) {
    const auto& source = points_.source(name);
    if (source.empty() || cache_.serves(source)) return {};
    LOG_WARN(kLog, "model {}: its mount stands on {}, which was withdrawn; mount it anew", name, source);
    TRY(points_.unmount(name));
  }
  auto found = cache_.find(identity, cache_.settings().model_cache);
  if (!found) return make_error(Code::kNotFound, "it is not complete on this instance");
  TRY(artifact::check_attach(ctx, *found->folder, *found->artifact));
  return points_.mount(name, artifact::files_of(*found->folder, *found->artifact), found->folder->path());
}

Result<MountedModel> ModelCatalog::mount(const Context& ctx, const ModelIdentity& identity, Retention retention) {
  auto in_cache = cache_.budget().hold(identity);
  std::lock_guard lock(mutex_);
  TRY(ensure_mounted_locked(ctx, identity).with_context("mount model {}", identity.hex()));
  if (retention == Retention::kKeep) to_keep_.insert(identity);
  if (retention == Retention::kWhileUsed) to_keep_.erase(identity);
  auto& known = holds_[identity];
  Hold hold = known.lock();
  if (!hold) {
    hold = Hold(this, [this, identity, in_cache](const void*) mutable {
      in_cache.reset();
      release(identity);
    });
    known = hold;
  }
  return MountedModel{.path = points_.path(identity.hex()), .hold = std::move(hold)};
}

// The last hold of a mount went.
void ModelCatalog::release(const ModelIdentity& identity) {
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || !holds_[identity].expired()) return;  // or it was mounted once more meanwhile
    holds_.erase(identity);
    auto unmounted = points_.unmount(identity.hex());
    if (!unmounted.ok()) {
      LOG_WARN(kLog, "model {}: {}", identity.hex(), unmounted.error().to_string());
      return;
    }
    if (to_keep_.contains(identity)) return;
  }
  if (cache_.budget().keeps(identity)) return;
  auto freed = cache_.budget().evict(identity);
  // In use again, or being published: keep_only() frees it later.
  if (!freed.ok() && !freed.failed_with(Code::kFailedPrecondition)) {
    LOG_WARN(kLog, "free model {}: {}", identity.hex(), freed.error().to_string());
  }
}

Result<void> ModelCatalog::release_all_but(const std::set<ModelIdentity>& in_use) {
  std::lock_guard lock(mutex_);
  for (const auto& name : points_.names()) {
    auto digest = Sha256::from_hex(name);
    if (digest) {
      auto held = holds_.find(ModelIdentity{*digest});
      if (in_use.contains(ModelIdentity{*digest}) || (held != holds_.end() && !held->second.expired())) continue;
    }
    TRY(points_.unmount(name));
  }
  return {};
}

void ModelCatalog::keep_only(const std::set<ModelIdentity>& models) {
  cache_.budget().set_keep(artifact::ArtifactKind::kModel, {models.begin(), models.end()});
  {
    std::lock_guard lock(mutex_);
    std::erase_if(to_keep_, [&](const auto& identity) { return !models.contains(identity); });
  }
  for (const auto& model : cache_.folder().artifacts()) {
    auto name = model->name();
    if (name.kind != artifact::ArtifactKind::kModel || cache_.budget().keeps(name)) continue;
    auto freed = cache_.budget().evict(name);
    if (!freed.ok() && !freed.failed_with(Code::kFailedPrecondition))
      LOG_WARN(kLog, "free {}: {}", name, freed.error().to_string());
  }
}

Result<void> ModelCatalog::remove(const ModelIdentity& identity) {
  if (!cache_.folder().find(identity))
    return make_error(Code::kNotFound, "this instance's own cache holds no model {}", identity.hex());
  return cache_.budget().evict(identity).with_context("remove model {}", identity.hex());
}

}  // namespace zeropull::agent
