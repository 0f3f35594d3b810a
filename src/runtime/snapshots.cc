#include "runtime/snapshots.h"

#include <grpcpp/grpcpp.h>

#include "containerd/services/snapshots/v1/snapshots.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace snapshots_api = containerd::services::snapshots::v1;

namespace {

snapshots_api::Snapshots::Stub snapshots_stub(const ContainerdClient& client) {
  return snapshots_api::Snapshots::Stub(client.connection().channel);
}

template <typename Response>
std::vector<Mount> mounts_of(const Response& response) {
  std::vector<Mount> mounts;
  for (const auto& mount : response.mounts()) {
    mounts.push_back(
        {.type = mount.type(), .source = mount.source(), .options = {mount.options().begin(), mount.options().end()}});
  }
  return mounts;
}

Result<SnapshotInfo> info_of(const snapshots_api::Info& info) {
  SnapshotInfo out{.kind = SnapshotKind::kActive,
                   .name = info.name(),
                   .parent = info.parent(),
                   .labels = {info.labels().begin(), info.labels().end()}};
  switch (info.kind()) {
    case snapshots_api::VIEW: out.kind = SnapshotKind::kView; return out;
    case snapshots_api::ACTIVE: return out;
    case snapshots_api::COMMITTED: out.kind = SnapshotKind::kCommitted; return out;
    default:
      return make_error(Code::kInternal, "snapshot {} has the unknown kind {}", info.name(), static_cast<int>(info.kind()));
  }
}

template <typename Request>
Request request_for(const std::string& snapshotter, const Snapshots::NewSnapshot& snapshot) {
  Request request;
  request.set_snapshotter(snapshotter);
  request.set_key(snapshot.key);
  request.set_parent(snapshot.parent);
  request.mutable_labels()->insert(snapshot.labels.begin(), snapshot.labels.end());
  return request;
}

template <typename Request>
Request request_for(const std::string& snapshotter, const std::string& key) {
  Request request;
  request.set_snapshotter(snapshotter);
  request.set_key(key);
  return request;
}

}  // namespace

Result<std::vector<Mount>> Snapshots::prepare(const Context& ctx, const NewSnapshot& snapshot) const {
  auto request = request_for<snapshots_api::PrepareSnapshotRequest>(snapshotter_, snapshot);
  snapshots_api::PrepareSnapshotResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("prepare snapshot {}", snapshot.key)},
           [&](grpc::ClientContext& context) { return snapshots_stub(client_).Prepare(&context, request, &response); }));
  return mounts_of(response);
}

Result<std::vector<Mount>> Snapshots::view(const Context& ctx, const NewSnapshot& snapshot) const {
  auto request = request_for<snapshots_api::ViewSnapshotRequest>(snapshotter_, snapshot);
  snapshots_api::ViewSnapshotResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("view snapshot {}", snapshot.key)},
           [&](grpc::ClientContext& context) { return snapshots_stub(client_).View(&context, request, &response); }));
  return mounts_of(response);
}

Result<std::vector<Mount>> Snapshots::mounts(const Context& ctx, const std::string& key) const {
  auto request = request_for<snapshots_api::MountsRequest>(snapshotter_, key);
  snapshots_api::MountsResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("ask for the mounts of snapshot {}", key)},
           [&](grpc::ClientContext& context) { return snapshots_stub(client_).Mounts(&context, request, &response); }));
  return mounts_of(response);
}

Result<void> Snapshots::commit(const Context& ctx, const Commit& commit) const {
  auto request = request_for<snapshots_api::CommitSnapshotRequest>(snapshotter_, commit.key);
  request.set_name(commit.name);
  request.mutable_labels()->insert(commit.labels.begin(), commit.labels.end());
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("commit snapshot {} as {}", commit.key, commit.name)},
              [&](grpc::ClientContext& context) { return snapshots_stub(client_).Commit(&context, request, &response); });
}

Result<void> Snapshots::remove(const Context& ctx, const std::string& key) const {
  auto request = request_for<snapshots_api::RemoveSnapshotRequest>(snapshotter_, key);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("remove snapshot {}", key)},
              [&](grpc::ClientContext& context) { return snapshots_stub(client_).Remove(&context, request, &response); });
}

Result<SnapshotInfo> Snapshots::stat(const Context& ctx, const std::string& key) const {
  auto request = request_for<snapshots_api::StatSnapshotRequest>(snapshotter_, key);
  snapshots_api::StatSnapshotResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("stat snapshot {}", key)},
           [&](grpc::ClientContext& context) { return snapshots_stub(client_).Stat(&context, request, &response); }));
  return info_of(response.info());
}

Result<void> Snapshots::walk(const Context& ctx, const std::vector<std::string>& filters,
                             const std::function<void(const SnapshotInfo&)>& visit) const {
  snapshots_api::ListSnapshotsRequest request;
  request.set_snapshotter(snapshotter_);
  request.mutable_filters()->Assign(filters.begin(), filters.end());
  std::vector<snapshots_api::Info> rows;
  TRY(call(ctx, client_, {.what = fmt::format("list snapshots of {}", snapshotter_)}, [&](grpc::ClientContext& context) {
    auto reader = snapshots_stub(client_).List(&context, request);
    for (snapshots_api::ListSnapshotsResponse response; reader->Read(&response);) {
      rows.insert(rows.end(), response.info().begin(), response.info().end());
    }
    return reader->Finish();
  }));
  for (const snapshots_api::Info& row : rows) {
    auto info = TRY(info_of(row));
    visit(info);
  }
  return {};
}

}  // namespace zeropull::runtime
