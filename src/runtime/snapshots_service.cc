#include "runtime/snapshots_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <stop_token>
#include <utility>

#include "base/context.h"
#include "base/units.h"
#include "containerd/services/snapshots/v1/snapshots.grpc.pb.h"
#include "runtime/log.h"
#include "runtime/socket_server.h"
#include "snapshot/filter.h"

namespace zeropull::runtime {

namespace {

namespace snapshots_api = containerd::services::snapshots::v1;
using google::protobuf::Empty;
using snapshot::Kind;

constexpr int kListBlockInfos = 100;           // containerd's own block (contrib/snapshotservice)
constexpr std::size_t kListBlockBytes = kMiB;  // its client takes messages of 16 MiB
constexpr std::size_t kMessageSizeMax = 2048;  // trailers are bounded: a longer error would be lost whole
constexpr Duration kCallTimeout = std::chrono::hours(1);

// The one table from codes to gRPC's: they are the same numbers.
static_assert(static_cast<int>(Code::kInvalidArgument) == grpc::StatusCode::INVALID_ARGUMENT);
static_assert(static_cast<int>(Code::kNotFound) == grpc::StatusCode::NOT_FOUND);
static_assert(static_cast<int>(Code::kAlreadyExists) == grpc::StatusCode::ALREADY_EXISTS);
static_assert(static_cast<int>(Code::kFailedPrecondition) == grpc::StatusCode::FAILED_PRECONDITION);
static_assert(static_cast<int>(Code::kUnauthenticated) == grpc::StatusCode::UNAUTHENTICATED);
grpc::Status status_of(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.code()), error.message().substr(0, kMessageSizeMax)};
}

bool is_ordinary(Code code) {  // answers that containerd asks for in its daily work
  return code == Code::kNotFound || code == Code::kAlreadyExists || code == Code::kFailedPrecondition ||
         code == Code::kInvalidArgument || code == Code::kCancelled;
}

void write_time(WallTime time, google::protobuf::Timestamp& out) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<std::int32_t>(std::chrono::duration_cast<Duration>(time - seconds).count()));
}

snapshots_api::Kind kind_of(Kind kind) {
  switch (kind) {
    case Kind::kView: return snapshots_api::VIEW;
    case Kind::kActive: return snapshots_api::ACTIVE;
    case Kind::kCommitted: return snapshots_api::COMMITTED;
  }
  return snapshots_api::UNKNOWN;
}

void write_info(const snapshot::Info& info, snapshots_api::Info& out) {
  out.set_name(info.name);
  out.set_parent(info.parent);
  out.set_kind(kind_of(info.kind));
  write_time(info.created, *out.mutable_created_at());
  write_time(info.updated, *out.mutable_updated_at());
  for (const auto& [key, value] : info.labels) (*out.mutable_labels())[key] = value;
}

template <typename Response>
void write_mounts(const std::vector<snapshot::Mount>& mounts, Response& out) {
  for (const auto& mount : mounts) {
    auto& written = *out.add_mounts();
    written.set_type(mount.type);
    written.set_source(mount.source);
    for (const auto& option : mount.options) written.add_options(option);
  }
}

template <typename Map>
snapshot::Labels labels_of(const Map& labels) {
  return {labels.begin(), labels.end()};
}

template <typename Request>
snapshot::NewSnapshot new_snapshot(const Request& request) {
  return {.key = request.key(), .parent = request.parent(), .labels = labels_of(request.labels())};
}

class Service final : public snapshots_api::Snapshots::Service {
 public:
  explicit Service(snapshot::Snapshotter& snapshotter) : snapshotter_(snapshotter) {}
  void request_stop() { stop_.request_stop(); }

  grpc::Status Prepare(grpc::ServerContext* call, const snapshots_api::PrepareSnapshotRequest* request,
                       snapshots_api::PrepareSnapshotResponse* response) override {
    return serve(*call, "Prepare", [&](const Context& ctx) -> Result<void> {
      auto mounts = TRY(snapshotter_.prepare(ctx, new_snapshot(*request)));
      write_mounts(mounts, *response);
      return {};
    });
  }

  grpc::Status View(grpc::ServerContext* call, const snapshots_api::ViewSnapshotRequest* request,
                    snapshots_api::ViewSnapshotResponse* response) override {
    return serve(*call, "View", [&](const Context& ctx) -> Result<void> {
      auto mounts = TRY(snapshotter_.view(ctx, new_snapshot(*request)));
      write_mounts(mounts, *response);
      return {};
    });
  }

  grpc::Status Mounts(grpc::ServerContext* call, const snapshots_api::MountsRequest* request,
                      snapshots_api::MountsResponse* response) override {
    return serve(*call, "Mounts", [&](const Context& ctx) -> Result<void> {
      auto mounts = TRY(snapshotter_.mounts(ctx, request->key()));
      write_mounts(mounts, *response);
      return {};
    });
  }

  grpc::Status Commit(grpc::ServerContext* call, const snapshots_api::CommitSnapshotRequest* request, Empty*) override {
    return serve(*call, "Commit", [&](const Context& ctx) {
      return snapshotter_.commit(ctx, {.name = request->name(), .key = request->key(), .labels = labels_of(request->labels())});
    });
  }

  grpc::Status Remove(grpc::ServerContext* call, const snapshots_api::RemoveSnapshotRequest* request, Empty*) override {
    return serve(*call, "Remove", [&](const Context& ctx) { return snapshotter_.remove(ctx, request->key()); });
  }

  grpc::Status Stat(grpc::ServerContext* call, const snapshots_api::StatSnapshotRequest* request,
                    snapshots_api::StatSnapshotResponse* response) override {
    return serve(*call, "Stat", [&](const Context& ctx) -> Result<void> {
      auto info = TRY(snapshotter_.stat(ctx, request->key()));
      write_info(info, *response->mutable_info());
      return {};
    });
  }

  grpc::Status Update(grpc::ServerContext* call, const snapshots_api::UpdateSnapshotRequest* request,
                      snapshots_api::UpdateSnapshotResponse* response) override {
    return serve(*call, "Update", [&](const Context& ctx) -> Result<void> {
      const auto& paths = request->update_mask().paths();
      snapshot::UpdateRequest update{.name = request->info().name(),
                                     .labels = labels_of(request->info().labels()),
                                     .field_paths = {paths.begin(), paths.end()}};
      auto info = TRY(snapshotter_.update(ctx, update));
      write_info(info, *response->mutable_info());
      return {};
    });
  }

  grpc::Status List(grpc::ServerContext* call, const snapshots_api::ListSnapshotsRequest* request,
                    grpc::ServerWriter<snapshots_api::ListSnapshotsResponse>* writer) override {
    return serve(*call, "List", [&](const Context& ctx) -> Result<void> {
      const std::vector<std::string> filters(request->filters().begin(), request->filters().end());
      auto filter = TRY(snapshot::Filter::parse(filters));
      snapshots_api::ListSnapshotsResponse block;
      std::size_t bytes = 0;
      auto send = [&]() -> Result<void> {
        if (!writer->Write(block)) return make_error(Code::kCancelled, "the client went away");
        block.Clear();
        bytes = 0;
        return {};
      };
      TRY(snapshotter_.walk(ctx, filter, [&](const snapshot::Info& info) -> Result<void> {
        auto& written = *block.add_info();
        write_info(info, written);
        bytes += written.ByteSizeLong();
        if (block.info_size() < kListBlockInfos && bytes < kListBlockBytes) return {};
        return send();
      }));
      if (block.info_size() == 0) return {};
      return send();
    });
  }

  grpc::Status Usage(grpc::ServerContext* call, const snapshots_api::UsageRequest* request,
                     snapshots_api::UsageResponse* response) override {
    return serve(*call, "Usage", [&](const Context& ctx) -> Result<void> {
      auto usage = TRY(snapshotter_.usage(ctx, request->key()));
      response->set_size(static_cast<std::int64_t>(usage.size));
      response->set_inodes(static_cast<std::int64_t>(usage.inodes));
      return {};
    });
  }

  grpc::Status Cleanup(grpc::ServerContext* call, const snapshots_api::CleanupRequest*, Empty*) override {
    return serve(*call, "Cleanup", [&](const Context& ctx) { return snapshotter_.cleanup(ctx); });
  }

 private:
  // Runs one call; here its error stops travelling.
  template <typename Work>
  grpc::Status serve(grpc::ServerContext& call, std::string_view name, Work work) {
    Duration timeout = std::min(kCallTimeout, Duration(call.deadline() - std::chrono::system_clock::now()));
    auto ctx = Context::root(name, stop_.get_token(), std::max(timeout, Duration::zero()));
    Result<void> done = work(ctx);
    if (done.ok()) return grpc::Status::OK;
    if (is_ordinary(done.error().code())) {
      LOG_DEBUG(kLog, "snapshots {}: {}", name, done.error().to_string());
    } else {
      LOG_ERROR(kLog, "snapshots {}: {}", name, done.error().to_string());
    }
    return status_of(done.error());
  }

  snapshot::Snapshotter& snapshotter_;
  std::stop_source stop_;
};

}  // namespace

struct SnapshotsServer::Parts {
  explicit Parts(snapshot::Snapshotter& snapshotter) : service(snapshotter) {}
  Service service;
  std::unique_ptr<SocketServer> server;  // last: its calls use the service
};

SnapshotsServer::SnapshotsServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SnapshotsServer::~SnapshotsServer() { stop(); }

Result<std::unique_ptr<SnapshotsServer>> SnapshotsServer::create(SnapshotsServerOptions options,
                                                                 snapshot::Snapshotter& snapshotter) {
  auto parts = std::make_unique<Parts>(snapshotter);
  auto& service = parts->service;
  SocketServerOptions socket{.path = options.socket_path, .services = {&service}, .name = "snapshots", .before_stop = {}};
  socket.services.insert(socket.services.end(), options.more_services.begin(), options.more_services.end());
  socket.before_stop = [&service] { service.request_stop(); };
  parts->server = TRY(SocketServer::create(std::move(socket)));
  return std::unique_ptr<SnapshotsServer>(new SnapshotsServer(std::move(parts)));
}

void SnapshotsServer::stop() { parts_->server->stop(); }

}  // namespace zeropull::runtime
