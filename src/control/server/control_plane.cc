#include "control/server/control_plane.h"

#include <mutex>

#include "agent/control_limits.h"
#include "agent/wipe.h"
#include "base/executor.h"
#include "control/api/api.h"
#include "control/api/authenticator.h"
#include "control/autoscaler/autoscaler.h"
#include "control/fleet/agent_hub.h"
#include "control/fleet/local_provider.h"
#include "control/fleet/reconciler.h"
#include "control/fleet/static_provider.h"
#include "control/router/router.h"
#include "control/scraper/scraper.h"
#include "control/series/exposition.h"
#include "control/server/access_keys.h"
#include "control/server/admin.h"
#include "control/server/endpoint_services.h"
#include "control/server/joins.h"
#include "control/server/log.h"
#include "control/server/metrics_page.h"
#include "control/state/sqlite_kv.h"
#include "os/file.h"
#include "os/process.h"
#include "store/instance_grant.h"
#include "store/server.h"

namespace zeropull::server {

namespace {

constexpr std::size_t kWorkers = 16;  // launches, releases, resolutions, volumes: each waits for a disk or a network
constexpr std::size_t kWorkQueue = 4096;
constexpr std::size_t kScrapers = 8;  // containers asked for their metrics at once: each may take its whole time-out

Result<fleet::InstanceTypes> load_types(const ServeConfig& config) {
  auto types = fleet::InstanceTypes::defaults();
  if (!config.instance_types_file.empty()) TRY(types.load(config.instance_types_file).with_context("instance_types_file"));
  return types;
}

fleet::FleetPolicy policy_of(const ServeConfig& config) {
  fleet::FleetPolicy policy;
  policy.provider = config.provider;
  policy.idle_release_after_ms = state::Millis{config.idle_release_s} * 1000;
  policy.crashes_max = static_cast<int>(config.crashes_max);
  return policy;
}

autoscaler::ScalingSettings scaling_settings(const ServeConfig& config) {
  return {.false_alarm_time = std::chrono::hours(config.scaling.false_alarm_hours),
          .scale_in_window = std::chrono::seconds(config.scaling.scale_in_window_s)};
}

fleet::LocalProviderOptions local_options(const ServeConfig& config) {
  fleet::LocalProviderOptions options;
  options.folder = config.root + "/instances";
  options.network = config.local.network;
  options.instances_max = config.local.instances_max;
  return options;
}

class Plane final : public ControlPlane, private router::RouterObserver, private fleet::AgentLink {
 public:
  explicit Plane(const ServeConfig& config)
      : config_(config),
        executor_({.name = "fleet", .threads = kWorkers, .queue_max = kWorkQueue}),
        scrapers_({.name = "scrape", .threads = kScrapers, .queue_max = kWorkQueue}) {}
  ~Plane() override { stop(); }

  Result<void> start(const Context& ctx) {
    TRY(open_state(ctx));
    TRY(open_provider(ctx));
    TRY(serve_store());
    TRY(serve_agents());
    TRY(serve_callers());
    TRY(start_fleet());
    start_scaling();
    TRY(start_scraping());
    TRY(serve_metrics());
    TRY(serve_operator(ctx));
    LOG_INFO(kLog, "serve the API and requests on {}, agents on {}, the store on {}, provider {}", router_->url(),
             control_address_, store_server_->url(), config_.provider);
    return {};
  }

  std::string url() const override { return router_->url(); }

  void stop() override {
    std::call_once(stopped_, [&] {
      if (admin_) admin_->stop();
      if (metrics_server_) metrics_server_->stop();
      if (router_) router_->stop();
      if (autoscaler_) autoscaler_->stop();
      if (scraper_) scraper_->stop();
      scrapers_.stop();
      if (reconciler_) reconciler_->stop();
      executor_.stop();
      if (hub_) hub_->stop();
      if (store_server_) store_server_->stop();
      auto written = metrics_ ? metrics_->stop() : Result<void>();
      if (!written.ok()) LOG_WARN(kLog, "write the metrics: {}", written.error().to_string());
    });
  }

 private:
  Result<void> open_state(const Context& ctx) {
    TRY(os::ensure_folder(config_.root));
    auto types = TRY(load_types(config_));
    types_.emplace(std::move(types));
    auto master_key = TRY(identity::MasterKey::load_or_create(config_.master_key_file, Random::secure()));
    master_key_.emplace(std::move(master_key));
    auto authority = TRY(identity::Authority::load_or_create(config_.root + "/authority", Clock::system()));
    authority_.emplace(std::move(authority));
    auto kv = TRY(state::open_sqlite_kv(config_.root + "/state.db"));
    state_ = TRY(state::State::create(ctx, std::move(kv)));
    metrics_ = TRY(series::Store::open({.path = config_.root + "/metrics.db"}, Clock::system()));
    secrets_.emplace(*master_key_, Random::secure());
    keys_.emplace(*state_, *master_key_, Clock::system(), Random::secure());
    std::vector<http::IpNetwork> machines;
    for (const auto& text : config_.static_pool.addresses) {
      auto network = TRY(http::IpNetwork::parse(text));
      machines.push_back(network);
    }
    joins_.emplace(*state_, *authority_, Clock::system(), Random::secure(), std::move(machines));
    return {};
  }

  Result<void> open_provider(const Context& ctx) {
    if (config_.provider == "static") {
      fleet::StaticProviderParts parts{.state = *state_, .agents = *this, .proof_of_wipe = {}};
      parts.proof_of_wipe = [this](const state::Machine& machine, const state::Instance& instance) {
        return proof_of_wipe(machine, instance);
      };
      static_provider_ = std::make_unique<fleet::StaticProvider>(std::move(parts));
      provider_ = static_provider_.get();
      server_address_ = config_.agents.address;
      if (server_address_.empty()) {
        return make_error(Code::kInvalidArgument, "agents: give the address at which machines reach this server");
      }
      return {};
    }
    auto local = TRY(fleet::LocalProvider::create(ctx, local_options(config_)));
    server_address_ = local->gateway();
    local_provider_ = std::move(local);
    provider_ = local_provider_.get();
    return {};
  }

  Result<std::string> proof_of_wipe(const state::Machine& machine, const state::Instance& instance) {
    auto endpoint = state_->view().endpoint_by_uid(instance.endpoint_uid);
    if (endpoint == nullptr) return make_error(Code::kNotFound, "instance {} is of no endpoint any more", instance.id);
    auto key = TRY(secrets_->reveal(*endpoint));
    return agent::wipe_proof(agent::wipe_key(key), machine.id, endpoint->uid);
  }

  Result<void> serve_store() {
    auto address = config_.store.address.empty() ? server_address_ : config_.store.address;
    auto credential = TRY(authority_->issue_server({address}));
    auto folder = TRY(store::FolderStore::open(config_.root + "/store"));
    store_ = TRY(store::FolderStore::open(config_.root + "/store"));
    store::StoreServerOptions options;
    options.address = address;
    options.port = config_.store.port;
    // The server reads both, once, from a path; on no disk, which may be full.
    const auto file = TRY(os::create_memory_file(as_bytes(credential.key_pem.reveal() + credential.certificate_pem)));
    options.certificate_file = options.key_file = fmt::format("/proc/self/fd/{}", file.get());
    options.client_ca_file = authority_->certificate_file();
    options.certificate_grant = [this](const http::Peer& peer) {
      return store::instance_grant(peer, [this](const auto& identity) { return joins_->holds_lease(identity); });
    };
    store_server_ = TRY(store::StoreServer::create(std::move(folder), {}, options));
    return {};
  }

  Result<void> serve_agents() {
    auto address = config_.agents.address.empty() ? server_address_ : config_.agents.address;
    fleet::AgentHubOptions options;
    options.address = address;
    options.port = config_.agents.port;
    options.credential = TRY(authority_->issue_server({address}));
    options.authority_pem = authority_->certificate_pem();
    fleet::HubEvents events;
    events.join = [this](const Context& ctx, const fleet::JoinCall& call) { return joins_->join(ctx, call); };
    events.renew = [this](const Context& ctx, const fleet::RenewCall& call) { return joins_->renew(ctx, call); };
    events.report = [this](const identity::InstanceIdentity& who, agent::Report report) -> Result<void> {
      // Until the reconciler runs nobody could act on it; the agent comes back.
      if (!fleet_runs_.load()) return make_error(Code::kUnavailable, "the control plane is starting");
      reconciler_->report(who.instance_id, std::move(report));
      return {};
    };
    events.disconnected = [this](const identity::InstanceIdentity& who) {
      if (fleet_runs_.load()) reconciler_->disconnected(who.instance_id);
    };
    hub_ = TRY(fleet::AgentHub::create(std::move(options), std::move(events)));
    control_address_ = fmt::format("{}:{}", address, hub_->port());
    return {};
  }

  Result<void> serve_callers() {
    authenticator_.emplace(
        *state_, [this](const state::AccessKey& key) { return master_key_->unwrap(key.wrapped_secret, "access-key/" + key.id); },
        Clock::system());
    api::ApiParts parts;
    parts.state = state_.get();
    parts.authenticator = &*authenticator_;
    parts.instance_types = &*types_;
    parts.series = metrics_.get();
    parts.region = config_.region;
    parts.make_endpoint_key = [this](const std::string& uid) -> Result<std::string> { return secrets_->make(uid); };
    parts.read_log = [this](const Context& ctx, const state::Copy& copy, std::size_t bytes_max) {
      return read_log(ctx, copy, bytes_max);
    };
    parts.caches = [this](const state::Endpoint& endpoint) { return caches(endpoint); };
    parts.live_phases = [this](const state::Copy& copy) {
      return fleet_runs_.load() ? reconciler_->live_phases(copy) : copy.phases;
    };
    parts.scaling_insight = [this](const autoscaler::ResourceName& resource) -> std::optional<autoscaler::TargetInsight> {
      return scaling_runs_.load() ? autoscaler_->insight(resource) : std::nullopt;
    };
    api_.emplace(std::move(parts));

    router::RouterOptions options;
    options.address = config_.listen.address;
    options.port = config_.listen.port;
    options.certificate_file = config_.listen.certificate_file;
    options.key_file = config_.listen.key_file;
    options.region = config_.region;
    const auto files = TRY(os::open_files_max());
    options.connections_max = std::min<std::size_t>(options.connections_max, files / 3);
    options.slow_start = std::chrono::seconds(config_.requests.ramp_up_s);
    router::RouterParts router;
    router.authenticate = [this](const router::SignedRequest& request, std::string& account) {
      return authenticate(request, account);
    };
    router.api = [this](const Context& ctx, const http::ServerRequest& request) { return api_->handle(ctx, request); };
    router.observer = this;
    router_ = TRY(router::Router::create(std::move(options), std::move(router)));
    return {};
  }

  std::optional<router::Refusal> authenticate(const router::SignedRequest& request, std::string& account) const {
    auto refused = authenticator_->authenticate(request.request, request.body_sha256, account);
    if (!refused) return std::nullopt;
    return router::Refusal{.status = refused->status, .type = std::move(refused->type), .message = std::move(refused->message)};
  }

  Result<std::string> read_log(const Context& ctx, const state::Copy& copy, std::size_t bytes_max) {
    auto instance = state_->view().instance(copy.instance_id);
    if (instance == nullptr) return make_error(Code::kNotFound, "instance {} is gone", copy.instance_id);
    const auto& agent = fleet::agent_of(*instance);
    agent::LogRequest request;
    request.copy_id = copy.id;
    request.bytes_max = 0;
    auto head = TRY(hub_->fetch_log(ctx, agent, request));
    const auto wanted = std::min<std::size_t>(bytes_max, agent::kLogChunkMax);
    request.offset = head.size > wanted ? head.size - wanted : 0;
    request.bytes_max = static_cast<std::uint32_t>(wanted);
    auto tail = TRY(hub_->fetch_log(ctx, agent, request));
    return std::string(as_text(tail.data));
  }

  std::vector<api::CachedCopy> caches(const state::Endpoint& endpoint) {
    if (!fleet_runs_.load()) return {};
    std::vector<std::string> ids;
    for (const auto& instance : state_->view().instances_of_endpoint(endpoint.uid)) ids.push_back(instance->id);
    std::map<std::string, api::CachedCopy> found;
    for (const auto& [id, report] : reconciler_->reports(ids)) {
      for (const auto& artifact : report->artifacts) {
        const bool image = artifact.kind == agent::CachedArtifact::Kind::kImage;
        auto& cached = found[artifact.identity];
        cached.kind = image ? "image" : "model";
        cached.identity = artifact.identity;
        cached.bytes = artifact.bytes;
        cached.in_store |= artifact.published == agent::CachedArtifact::Published::kYes;
        cached.instances.push_back(id);
        auto digest = Sha256::from_hex(image ? artifact.identity.substr(7) : artifact.identity);
        if (!digest) continue;
        cached.in_volume = image ? services_->volume_has(endpoint, ManifestDigest{*digest})
                                 : services_->volume_has(endpoint, ModelIdentity{*digest});
      }
    }
    std::vector<api::CachedCopy> list;
    for (auto& [identity, cached] : found) list.push_back(std::move(cached));
    return list;
  }

  Result<void> start_fleet() {
    Surroundings surroundings;
    surroundings.store_url = store_server_->url();
    surroundings.router_addresses = {server_address_};
    surroundings.denied_networks = {server_address_, config_.store.address.empty() ? server_address_ : config_.store.address};
    if (config_.provider == "local") surroundings.denied_networks.push_back(config_.local.network);
    services_ = TRY(EndpointServices::create(config_, *state_, *secrets_, *store_, std::move(surroundings)));
    fleet::FleetHooks hooks;
    hooks.resolve_image = [this](const Context& ctx, const state::Endpoint& endpoint, const std::string& image) {
      return services_->resolve_image(ctx, endpoint, image);
    };
    hooks.access = [this](const state::Endpoint& endpoint) { return services_->access(endpoint); };
    hooks.volumes = [this](const state::Endpoint& endpoint) { return services_->volumes(endpoint); };
    hooks.model_folders = [this](const state::Endpoint& endpoint) { return config_.account(endpoint.account).model_folders; };
    hooks.complete_volume = [this](const Context& ctx, const state::Endpoint& endpoint) {
      return services_->complete_volume(ctx, endpoint);
    };
    hooks.purge = [this](const Context& ctx, const state::Endpoint& endpoint) { return services_->purge(ctx, endpoint); };
    hooks.apply_routes = [this](const router::RoutingTable& table) { apply_routes(table); };
    hooks.in_flight = [this](const std::string& copy) { return router_->in_flight(copy); };
    hooks.unleased_report = [this](const std::string& agent, const agent::Report& report) {
      if (static_provider_) static_provider_->report(agent, report);
    };
    reconciler_.emplace(fleet::ReconcilerParts{.state = *state_,
                                               .provider = *provider_,
                                               .agents = *this,
                                               .executor = executor_,
                                               .types = *types_,
                                               .policy = policy_of(config_),
                                               .hooks = std::move(hooks),
                                               .control_address = control_address_,
                                               .authority_pem = authority_->certificate_pem()});
    reconciler_->start();
    fleet_runs_ = true;
    return {};
  }

  void start_scaling() {
    autoscaler::AutoscalerParts parts{.state = *state_, .metrics = *metrics_, .traffic = [this] { return router_->stats(); }};
    parts.reports = [this](const std::vector<std::string>& ids) { return reconciler_->reports(ids); };
    parts.settings = scaling_settings(config_);
    autoscaler_.emplace(std::move(parts));
    autoscaler_->start();
    scaling_runs_ = true;
  }

  Result<void> start_scraping() {
    copies_client_ = TRY(http::HttpClient::create(scraper::client_options()));
    scraper_.emplace(
        scraper::ScraperParts{.state = *state_, .metrics = *metrics_, .http = *copies_client_, .executor = scrapers_});
    scraper_->start();
    return {};
  }

  Result<void> serve_metrics() {
    if (config_.metrics.port == 0) return {};
    http::ServerOptions options{.address = config_.metrics.address, .port = config_.metrics.port};
    options.workers = 1;
    options.name = "metrics";
    auto server = http::HttpServer::create(
        std::move(options), [this](const Context&, const http::ServerRequest& request) { return answer_metrics(request); });
    if (!server.ok()) return std::move(server).take_error().with("metrics");
    metrics_server_ = std::move(*server);
    return {};
  }

  http::ServerResponse answer_metrics(const http::ServerRequest& request) {
    http::ServerResponse response;
    if (request.path != "/metrics" || request.method != "GET") {
      response.status = 404;
      return response;
    }
    auto loads = autoscaler_->loads();
    auto router = router_->stats();
    auto points = metrics_->usage();
    response.headers.set("Content-Type", std::string(series::kExpositionContentType));
    response.body = metrics_page({.view = state_->view(),
                                  .loads = loads,
                                  .points = points,
                                  .scraped = scraper_->families(),
                                  .connections = router.connections,
                                  .buffered_bytes = router.buffered_bytes});
    return response;
  }

  void apply_routes(router::RoutingTable table) {
    for (auto& endpoint : table.endpoints) {
      endpoint.payload_max = config_.requests.body_max;
      endpoint.answer_max = config_.requests.body_max;
      endpoint.model_timeout = std::chrono::seconds(config_.requests.model_timeout_s);
      endpoint.stream_timeout = std::chrono::seconds(config_.requests.stream_timeout_s);
      for (auto& variant : endpoint.variants) {
        for (auto& component : variant.components) {
          component.hold.enabled = component.hold.enabled && config_.requests.hold;
          component.hold.requests_max = config_.requests.held_max;
          component.hold.time_max = std::chrono::seconds(config_.requests.hold_s);
        }
      }
    }
    auto applied = router_->apply(table);
    if (!applied.ok()) LOG_ERROR(kLog, "routing table: {}", applied.error().to_string());
  }

  Result<void> serve_operator(const Context& ctx) {
    TRY(leave_first_credentials(ctx));
    AdminParts parts{.state = *state_, .keys = *keys_, .issue_join_token = [this](const Context& call, Duration lifetime) {
                       return issue_join_token(call, lifetime);
                     }};
    admin_service_ = AdminService::create(std::move(parts));
    admin_ = TRY(runtime::SocketServer::create(
        {.path = config_.admin_socket, .services = {&admin_service_->service()}, .name = "admin", .before_stop = {}}));
    return {};
  }

  Result<void> leave_first_credentials(const Context& ctx) {
    auto path = config_.root + "/credentials";
    if (!state_->view().access_keys().empty()) return {};
    auto made = TRY(keys_->create(ctx, "", "first"));
    auto text = fmt::format("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", made.key.id, made.secret.reveal());
    TRY(os::replace_file(path, as_bytes(text), 0600));
    LOG_INFO(kLog, "account {} made; its access key lies in {}", made.key.account, path);
    return {};
  }

  Result<IssuedJoinToken> issue_join_token(const Context& ctx, Duration lifetime) {
    if (config_.provider != "static") {
      return make_error(Code::kFailedPrecondition, "machines join a control plane with provider static; this one has {}",
                        config_.provider);
    }
    auto token = TRY(joins_->issue(ctx, lifetime));
    return IssuedJoinToken{token.text, authority_->certificate_pem(), control_address_};
  }

  // router::RouterObserver
  void on_demand(const std::string& component_uid) override {
    auto component = state_->view().component_by_uid(component_uid);
    if (component && scaling_runs_.load()) autoscaler_->wake(component->uid);
    if (component && fleet_runs_.load()) reconciler_->wake(component->endpoint_uid);
  }
  void on_drained(const std::string& copy_id) override {
    auto copy = state_->view().copy(copy_id);
    if (copy && fleet_runs_.load()) reconciler_->wake(copy->endpoint_uid);
  }

  // fleet::AgentLink
  void send_desired(const std::string& agent, const agent::DesiredState& desired) override { hub_->send_desired(agent, desired); }
  void forget(const std::string& agent) override { hub_->forget(agent); }

  // In order of dependence; stop() ends in the reverse one.
  const ServeConfig config_;
  std::optional<fleet::InstanceTypes> types_;
  std::optional<identity::MasterKey> master_key_;
  std::optional<identity::Authority> authority_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<series::Store> metrics_;
  std::optional<EndpointSecrets> secrets_;
  std::optional<AccessKeys> keys_;
  std::optional<Joins> joins_;
  std::unique_ptr<fleet::LocalProvider> local_provider_;
  std::unique_ptr<fleet::StaticProvider> static_provider_;
  fleet::Provider* provider_ = nullptr;
  std::string server_address_;   // where instances reach this server
  std::string control_address_;  // "host:port" of the hub
  std::unique_ptr<store::FolderStore> store_;
  std::unique_ptr<store::StoreServer> store_server_;
  std::unique_ptr<fleet::AgentHub> hub_;
  std::optional<api::Authenticator> authenticator_;
  std::optional<api::Api> api_;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<EndpointServices> services_;
  ThreadPool executor_;
  std::optional<fleet::Reconciler> reconciler_;
  std::atomic<bool> fleet_runs_ = false;
  std::optional<autoscaler::Autoscaler> autoscaler_;
  std::atomic<bool> scaling_runs_ = false;
  ThreadPool scrapers_;
  std::unique_ptr<http::HttpClient> copies_client_;
  std::optional<scraper::Scraper> scraper_;
  std::unique_ptr<http::HttpServer> metrics_server_;
  std::unique_ptr<AdminService> admin_service_;
  std::unique_ptr<runtime::SocketServer> admin_;
  std::once_flag stopped_;
};

}  // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::create(const Context& ctx, const ServeConfig& config) {
  auto plane = std::make_unique<Plane>(config);
  TRY(plane->start(ctx).with_context("start the control plane"));
  return std::unique_ptr<ControlPlane>(std::move(plane));
}

Result<void> release_all(const Context& ctx, const ServeConfig& config) {
  if (config.provider != "local") return {};
  auto provider = TRY(fleet::LocalProvider::create(ctx, local_options(config)));
  auto instances = TRY(provider->list(ctx));
  for (const auto& instance : instances) TRY(provider->release(ctx, instance.instance_id));
  return provider->remove_network(ctx);
}

}  // namespace zeropull::server
