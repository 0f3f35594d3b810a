#include "agent/lease.h"

#include <mutex>

#include "agent/copies.h"
#include "agent/endpoint_cache.h"
#include "agent/image_catalog.h"
#include "agent/log.h"
#include "agent/model_catalog.h"
#include "agent/mounted_chains.h"
#include "agent/service.h"
#include "base/guarded.h"
#include "os/file.h"
#include "os/machine.h"
#include "os/mount.h"
#include "runtime/bundles.h"
#include "runtime/snapshots_service.h"
#include "snapshot/overlay_snapshotter.h"

namespace zeropull::agent {

namespace {

constexpr Duration kWipePatience = std::chrono::minutes(2);  // until containerd answers, after its own restart

std::string folder_of(const AgentConfig& config) { return config.root + "/lease"; }

// A namespace of containerd for each lease: what containerd remembers of an earlier one is never met again.
std::string containerd_namespace(const std::string& endpoint_uid) { return "zeropull-" + endpoint_uid; }

runtime::ClientOptions client_options(const ControlConfig& control, const std::string& endpoint_uid) {
  return {.socket = control.containerd_socket,
          .containerd_namespace = containerd_namespace(endpoint_uid),
          .state_folder = control.containerd_state};
}

Result<std::vector<http::IpNetwork>> parse_networks(const std::vector<std::string>& texts) {
  std::vector<http::IpNetwork> networks;
  for (const auto& text : texts) {
    auto network = TRY(http::IpNetwork::parse(text));
    networks.push_back(network);
  }
  return networks;
}

// Where this endpoint's models and images may come from.
Result<http::AddressGuard> guard_of(const Endpoint& endpoint) {
  http::AddressRules rules;
  rules.denied = TRY(parse_networks(endpoint.denied_networks));
  rules.allowed = TRY(parse_networks(endpoint.allowed_addresses));
  return http::AddressGuard(std::move(rules));
}

StoreConfig store_of(const LeaseOptions& options, const Endpoint& endpoint) {
  StoreConfig store;
  store.url = endpoint.store_url;
  store.scope = endpoint.uid;
  store.ca_file = options.authority_file;
  store.certificate_file = options.credential_file;
  store.key_file = options.credential_file;
  return store;
}

std::vector<StoreConfig> stores_of(const LeaseOptions& options, const Endpoint& endpoint) {
  if (endpoint.store_url.empty()) return {};
  return {store_of(options, endpoint)};
}

std::uint64_t budget_of(const Endpoint& endpoint, std::uint64_t disk_bytes) {
  return endpoint.disk_budget_bytes != 0 ? endpoint.disk_budget_bytes : disk_bytes / 2;
}

Result<origin::OriginAccess> origin_access(const DesiredModel& model, http::AddressGuard guard) {
  origin::OriginAccess access;
  access.guard = std::move(guard);
  access.folders = model.allowed_folders;
  if (!model.s3.endpoint_url.empty())
    access.s3.endpoint = TRY(http::Url::parse(model.s3.endpoint_url).with_context("S3 endpoint"));
  if (!model.s3.region.empty()) access.s3.region = model.s3.region;
  if (!model.s3.access_key_id.empty()) {
    aws::Credentials credentials;
    credentials.access_key_id = model.s3.access_key_id;
    credentials.secret_access_key = model.s3.secret_access_key;
    if (!model.s3.session_token.empty()) credentials.session_token = model.s3.session_token;
    access.s3.credentials = std::move(credentials);
  }
  return access;
}

origin::ModelLocation location_of(const DesiredModel& model) {
  origin::ModelLocation location;
  location.uri = model.uri;
  if (model.type == DesiredModel::Type::kPrefix) location.type = origin::ModelLocation::Type::kPrefix;
  if (model.compression == DesiredModel::Compression::kGzip) location.compression = origin::ModelLocation::Compression::kGzip;
  return location;
}

template <typename Found>
void fill_phase(Phase& phase, const Found& found) {
  phase.bytes = found.wire_bytes;
  phase.source = source_name(found.source);
  phase.reason = found.reason;
}

ArrivalUpdate telling(const PhaseUpdate& update) {
  return [&update](const Arriving& arriving) {
    Phase phase;
    fill_phase(phase, arriving);
    update(phase);
  };
}

template <typename Id>
std::set<Id> parse_ids(const std::vector<std::string>& texts, std::string_view prefix) {
  std::set<Id> ids;
  for (const auto& text : texts) {
    auto id = Id::parse(std::string(prefix) + text);
    if (id) ids.insert(*id);
  }
  return ids;
}

class RunningLease final : public Lease {
 public:
  RunningLease(LeaseOptions options, const Endpoint& endpoint) : options_(std::move(options)), endpoint_(endpoint) {}
  ~RunningLease() override { stop(); }

  Result<void> start(const Context& ctx) {
    const auto folder = folder_of(options_.config);
    TRY(os::ensure_folder(folder));
    disk_bytes_ = TRY(os::disk_bytes(folder));
    *guard_.lock() = TRY(guard_of(endpoint_));
    TRY(start_cache(ctx, folder));
    TRY(serve_containerd(ctx, folder));
    return start_copies(ctx, folder);
  }

  const std::string& endpoint_uid() const override { return endpoint_.uid; }
  bool suits(const Endpoint& endpoint) const override {
    return endpoint.uid == endpoint_.uid && endpoint.image_cache == endpoint_.image_cache &&
           endpoint.model_cache == endpoint_.model_cache && endpoint.registries == endpoint_.registries;
  }

  Result<void> apply(const Context& ctx, const DesiredState& desired) override {
    const auto& endpoint = *desired.endpoint;
    *guard_.lock() = TRY(guard_of(endpoint));
    cache_->set_volumes(ctx, endpoint.volumes);
    cache_->set_stores(stores_of(options_, endpoint));
    cache_->budget().set_budget(budget_of(endpoint, disk_bytes_));
    std::set<artifact::ArtifactName> keep_images;
    for (const auto& digest : parse_ids<ManifestDigest>(desired.keep_images, "")) keep_images.insert(digest);
    cache_->budget().set_keep(artifact::ArtifactKind::kImage, std::move(keep_images));
    CopyOrder order;
    order.copies = desired.copies;
    order.policy = TRY(parse_policy(endpoint.router_addresses, endpoint.denied_networks));
    TRY(copies_->apply(ctx, std::move(order)));
    models_->keep_only(parse_ids<ModelIdentity>(desired.keep_models, "sha256:"));
    return {};
  }

  Report report() const override {
    Report report;
    report.copies = copies_->reports();
    for (const auto& entry : cache_->cached()) {
      CachedArtifact artifact;
      const bool image = entry.name.kind == artifact::ArtifactKind::kImage;
      artifact.kind = image ? CachedArtifact::Kind::kImage : CachedArtifact::Kind::kModel;
      artifact.identity = (image ? "sha256:" : "") + entry.name.digest.hex();
      artifact.bytes = entry.bytes;
      artifact.published = entry.published ? CachedArtifact::Published::kYes : CachedArtifact::Published::kNo;
      report.artifacts.push_back(std::move(artifact));
    }
    report.disk_used_bytes = cache_->budget().used();
    report.disk_budget_bytes = cache_->budget().budget();
    report.withdrawn_volumes = cache_->withdrawn_volumes();
    return report;
  }

  Result<LogChunk> read_log(const LogRequest& request) const override {
    auto slice = TRY(copies_->read_log(request.copy_id, request.offset, request.bytes_max));
    return LogChunk{.data = std::move(slice.data), .offset = slice.offset, .size = slice.size};
  }

  void stop() override {
    std::call_once(stopped_, [&] {
      if (copies_) copies_->stop();
      if (models_) models_->stop();
      if (server_) server_->stop();
      if (cache_) cache_->stop();
      if (snapshotter_) snapshotter_->close();
    });
  }

 private:
  Result<void> start_cache(const Context& ctx, const std::string& folder) {
    EndpointSettings settings{.root = folder,
                              .key = artifact::EndpointKey(artifact::SecretKey(as_bytes(endpoint_.key.reveal()))),
                              .volumes = endpoint_.volumes,
                              .stores = stores_of(options_, endpoint_)};
    settings.logins = Logins::kOfAccount;
    settings.accesses = endpoint_.registries;
    settings.guard = [this] { return *guard_.lock(); };
    settings.image_cache = endpoint_.image_cache;
    settings.model_cache = endpoint_.model_cache;
    settings.on_published = options_.on_change;  // the server completes the volume then
    settings.budget_bytes = budget_of(endpoint_, disk_bytes_);
    settings.jobs = options_.config.jobs;
    settings.layer_expanded_bytes_max = options_.config.layer_expanded_bytes_max;
    settings.verify_volumes_after_s = options_.config.verify_volumes_after_s;
    cache_ = TRY(EndpointCache::create(ctx, std::move(settings)));
    images_ = std::make_unique<ImageCatalog>(*cache_);
    models_ = TRY(ModelCatalog::create(folder, *cache_, file_direct_io(), origin::open_origin));
    if (options_.config.verify_volumes) cache_->start_volume_check();
    cache_->publish_missing();
    return {};
  }

  artifact::FileDirectIo file_direct_io() const {
    return options_.config.allow_file_directio ? artifact::FileDirectIo::kAllowed : artifact::FileDirectIo::kRefused;
  }

  Result<void> serve_containerd(const Context& ctx, const std::string& folder) {
    chains_ = TRY(MountedChains::create(folder, *images_, file_direct_io()));
    snapshot::OverlaySnapshotterOptions snapshots{.root = folder + "/snapshots", .at_step = {}};
    snapshotter_ = TRY(snapshot::OverlaySnapshotter::create(ctx, std::move(snapshots), *chains_));
    service_ = AgentService::create(*images_, [this] { return snapshotter_->chains_in_use(); });
    server_ = TRY(runtime::SnapshotsServer::create(
        {.socket_path = options_.config.socket, .more_services = {&service_->service()}}, *snapshotter_));
    images_->set_chains_in_use([this] { return snapshotter_->chains_in_use(); });
    return {};
  }

  Result<void> start_copies(const Context& ctx, const std::string& folder) {
    const auto& control = options_.config.control;
    auto client = TRY(runtime::ContainerdClient::create(client_options(control, endpoint_.uid)));
    containers_ = CopyContainers::over(std::move(client), {});
    CopyNetworkOptions network;
    network.instance_address = TRY(os::Ipv4Address::parse(control.instance_address));
    network_ = TRY(CopyNetwork::create(network));
    probe_ = TRY(CopyProbe::create());
    CopyDependencies dependencies{.containers = *containers_,
                                  .network = *network_,
                                  .probe = *probe_,
                                  .ensure_image = {},
                                  .ensure_model = {},
                                  .on_change = options_.on_change};
    dependencies.ensure_image = [this](const Context& each, const Copy& copy, const PhaseUpdate& update) {
      return ensure_image(each, copy, update);
    };
    dependencies.ensure_model = [this](const Context& each, const DesiredModel& model, const PhaseUpdate& update) {
      return ensure_model(each, model, update);
    };
    copies_ = TRY(CopyManager::create(ctx, {.folder = folder + "/copies", .instance_address = control.instance_address},
                                      std::move(dependencies)));
    return {};
  }

  Result<ReadyImage> ensure_image(const Context& ctx, const Copy& copy, const PhaseUpdate& update) {
    auto found = TRY(images_->ensure(ctx, {.reference = copy.image, .on_arriving = telling(update)}, {}));
    const auto& image = found.artifact->image();
    ReadyImage ready;
    ready.config = to_bytes(as_bytes(image.config));
    if (!image.layers.empty()) ready.chain = image.layers.back().chain_id;
    ready.digest = image.manifest_digest.text();
    fill_phase(ready.phase, found);
    for (const auto& layer : image.layers) ready.phase.total_bytes += layer.expanded_size;
    ready.hold = found.hold;
    return ready;
  }

  Result<ReadyModel> ensure_model(const Context& ctx, const DesiredModel& model, const PhaseUpdate& update) {
    ModelRequest request;
    request.identity = model.identity;
    request.location = location_of(model);
    request.access = TRY(origin_access(model, *guard_.lock()));
    request.on_arriving = telling(update);
    auto found = TRY(models_->ensure(ctx.with_timeout(model.download_timeout), request, {}));
    auto retention = model.retention == DesiredModel::Retention::kKeep ? Retention::kKeep : Retention::kWhileUsed;
    auto mounted = TRY(models_->mount(ctx, found.identity, retention));
    ReadyModel ready;
    ready.path = mounted.path;
    ready.identity = found.identity.value.hex();
    fill_phase(ready.phase, found);
    ready.phase.total_bytes = found.total_bytes;
    ready.hold = mounted.hold;
    return ready;
  }

  const LeaseOptions options_;
  const Endpoint endpoint_;  // as the lease was made with
  std::uint64_t disk_bytes_ = 0;
  mutable Guarded<http::AddressGuard> guard_;
  // In order of dependence.
  std::unique_ptr<EndpointCache> cache_;
  std::unique_ptr<ImageCatalog> images_;
  std::unique_ptr<ModelCatalog> models_;
  std::unique_ptr<MountedChains> chains_;
  std::unique_ptr<snapshot::OverlaySnapshotter> snapshotter_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<runtime::SnapshotsServer> server_;
  std::unique_ptr<CopyContainers> containers_;
  std::unique_ptr<CopyNetwork> network_;
  std::unique_ptr<CopyProbe> probe_;
  std::unique_ptr<CopyManager> copies_;
  std::once_flag stopped_;
};

// containerd may be starting anew beside us.
Result<std::vector<std::string>> list_containers(const Context& ctx, CopyContainers& containers) {
  auto patience = ctx.with_timeout(kWipePatience);
  while (true) {
    auto ids = containers.list(ctx);
    if (!ids.failed_with(Code::kUnavailable) || patience.done()) return ids;
    TRY(patience.sleep(std::chrono::milliseconds(200)));
  }
}

Result<void> unmount_below(const std::string& folder) {
  auto mounts = TRY(os::list_mounts());
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {  // the newest first: it may lie on an older one
    if (mount->mount_point.starts_with(folder + "/")) TRY(os::unmount(mount->mount_point, os::Unmount::kLazily));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Lease>> Lease::create(const Context& ctx, LeaseOptions options, const Endpoint& endpoint) {
  auto lease = std::make_unique<RunningLease>(std::move(options), endpoint);
  TRY(lease->start(ctx).with_context("lease to endpoint {}", endpoint.uid));
  return std::unique_ptr<Lease>(std::move(lease));
}

Result<void> wipe_lease(const Context& ctx, const AgentConfig& config, const std::string& endpoint_uid) {
  auto client = TRY(runtime::ContainerdClient::create(client_options(config.control, endpoint_uid)));
  auto containers = CopyContainers::over(client, {});
  auto ids = TRY(list_containers(ctx, *containers));
  for (const auto& id : ids) TRY(containers->remove(ctx, id).with_context("container {}", id));
  TRY(runtime::remove_stale_bundles(ctx, client));
  CopyNetworkOptions network;
  network.instance_address = TRY(os::Ipv4Address::parse(config.control.instance_address));
  auto copies = TRY(CopyNetwork::create(network));
  TRY(copies->remove_strangers(ctx, {}));
  const auto folder = folder_of(config);
  TRY(unmount_below(folder));
  TRY(os::remove_tree(folder));
  LOG_INFO(kLog, "nothing of endpoint {} is left in {}", endpoint_uid, folder);
  return {};
}

}  // namespace zeropull::agent
