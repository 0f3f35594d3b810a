#include "agent/agent.h"

#include "agent/endpoint_cache.h"
#include "agent/image_catalog.h"
#include "agent/log.h"
#include "agent/mounted_chains.h"
#include "agent/service.h"
#include "os/file.h"
#include "runtime/snapshots_service.h"
#include "snapshot/overlay_snapshotter.h"

namespace zeropull::agent {

namespace {

class RunningAgent final : public Agent {
 public:
  ~RunningAgent() override { stop(); }

  Result<void> start(const Context& ctx, const AgentConfig& config) {
    TRY(os::ensure_folder(config.root));
    auto settings = TRY(EndpointSettings::from(config));
    cache_ = TRY(EndpointCache::create(ctx, std::move(settings)));
    catalog_ = std::make_unique<ImageCatalog>(*cache_);
    auto direct_io = config.allow_file_directio ? artifact::FileDirectIo::kAllowed : artifact::FileDirectIo::kRefused;
    chains_ = TRY(MountedChains::create(config.root, *catalog_, direct_io));
    snapshot::OverlaySnapshotterOptions options{.root = config.root + "/snapshots", .at_step = {}};
    snapshotter_ = TRY(snapshot::OverlaySnapshotter::create(ctx, std::move(options), *chains_));
    service_ = AgentService::create(*catalog_, [this] { return snapshotter_->chains_in_use(); });
    server_ = TRY(
        runtime::SnapshotsServer::create({.socket_path = config.socket, .more_services = {&service_->service()}}, *snapshotter_));
    catalog_->set_chains_in_use([this] { return snapshotter_->chains_in_use(); });
    if (config.verify_volumes) cache_->start_volume_check();
    LOG_INFO(kLog, "serve {} images on {}: plain mounts over loop devices{}", catalog_->images().size(), config.socket,
             config.allow_file_directio ? ", from files with directio where those fail" : "");
    return {};
  }

  void stop() override {
    if (server_) server_->stop();
    if (cache_) cache_->stop();
    if (!snapshotter_) return;
    auto chains = snapshotter_->chains_in_use();
    if (chains.ok() && chains->empty()) cache_->detach_volumes();
    snapshotter_->close();
  }

 private:
  // In order of dependence; the server, first to go, is the last member.
  std::unique_ptr<EndpointCache> cache_;
  std::unique_ptr<ImageCatalog> catalog_;
  std::unique_ptr<MountedChains> chains_;
  std::unique_ptr<snapshot::OverlaySnapshotter> snapshotter_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<runtime::SnapshotsServer> server_;
};

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(const Context& ctx, const AgentConfig& config) {
  auto agent = std::make_unique<RunningAgent>();
  TRY(agent->start(ctx, config).with_context("start the agent"));
  return std::unique_ptr<Agent>(std::move(agent));
}

}  // namespace zeropull::agent
