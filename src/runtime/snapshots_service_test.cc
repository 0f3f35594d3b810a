#include "runtime/snapshots_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "containerd/services/snapshots/v1/snapshots.grpc.pb.h"
#include "os/file.h"
#include "snapshot/folder_layers.h"
#include "snapshot/overlay_snapshotter.h"

namespace zeropull::runtime {
namespace {

namespace api = containerd::services::snapshots::v1;

struct SnapshotsServiceTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(os::exists("/dev/shm") ? "/dev/shm" : "/tmp", "zp-service-test-"));
  std::string socket = folder.path() + "/run/s.sock";
  snapshot::FolderLayers layers;
  std::unique_ptr<snapshot::OverlaySnapshotter> snapshotter =
      MUST(snapshot::OverlaySnapshotter::create(Context::root("test"), {.root = folder.path() + "/state"}, layers));
  std::unique_ptr<SnapshotsServer> server = MUST(SnapshotsServer::create({.socket_path = socket}, *snapshotter));
  std::unique_ptr<api::Snapshots::Stub> stub = connect();

  std::unique_ptr<api::Snapshots::Stub> connect() {
    grpc::ChannelArguments alone;  // no channel shared with an earlier server of this test
    alone.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return api::Snapshots::NewStub(grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), alone));
  }
  grpc::Status prepare(const std::string& key, const std::string& parent, api::PrepareSnapshotResponse& response,
                       const std::map<std::string, std::string>& labels = {}) {
    grpc::ClientContext call;
    api::PrepareSnapshotRequest request;
    request.set_key(key);
    request.set_parent(parent);
    request.mutable_labels()->insert(labels.begin(), labels.end());
    return stub->Prepare(&call, request, &response);
  }
  grpc::Status list(std::vector<std::string> filters, std::vector<api::Info>& infos, int& blocks) {
    grpc::ClientContext call;
    api::ListSnapshotsRequest request;
    for (auto& filter : filters) request.add_filters(std::move(filter));
    auto reader = stub->List(&call, request);
    api::ListSnapshotsResponse block;
    for (blocks = 0; reader->Read(&block); ++blocks) infos.insert(infos.end(), block.info().begin(), block.info().end());
    return reader->Finish();
  }
};

TEST_F(SnapshotsServiceTest, a_snapshot_goes_through_its_life) {
  api::PrepareSnapshotResponse prepared;
  ASSERT_TRUE(prepare("key", "", prepared, {{"l", "v"}}).ok());
  ASSERT_EQ(prepared.mounts_size(), 1);
  EXPECT_EQ(prepared.mounts(0).type(), "bind");
  EXPECT_EQ(prepared.mounts(0).source(), folder.path() + "/state/snapshots/1/fs");

  grpc::ClientContext stat_call;
  api::StatSnapshotRequest stat;
  stat.set_key("key");
  api::StatSnapshotResponse stated;
  ASSERT_TRUE(stub->Stat(&stat_call, stat, &stated).ok());
  EXPECT_EQ(stated.info().kind(), api::ACTIVE);
  EXPECT_EQ(stated.info().labels().at("l"), "v");
  auto created = MUST(snapshotter->stat(Context::root("test"), "key")).created;
  auto ns = stated.info().created_at().seconds() * 1'000'000'000 + stated.info().created_at().nanos();
  EXPECT_EQ(ns, created.time_since_epoch().count());

  grpc::ClientContext update_call;
  api::UpdateSnapshotRequest update;
  update.mutable_info()->set_name("key");
  (*update.mutable_info()->mutable_labels())["m"] = "w";
  update.mutable_update_mask()->add_paths("labels.m");
  api::UpdateSnapshotResponse updated;
  ASSERT_TRUE(stub->Update(&update_call, update, &updated).ok());
  EXPECT_EQ(updated.info().labels_size(), 2);

  grpc::ClientContext commit_call;
  api::CommitSnapshotRequest commit;
  commit.set_key("key");
  commit.set_name("name");
  google::protobuf::Empty empty;
  ASSERT_TRUE(stub->Commit(&commit_call, commit, &empty).ok());
  grpc::ClientContext usage_call;
  api::UsageRequest usage;
  usage.set_key("name");
  api::UsageResponse used;
  ASSERT_TRUE(stub->Usage(&usage_call, usage, &used).ok());
  EXPECT_EQ(used.inodes(), 1);

  grpc::ClientContext view_call;
  api::ViewSnapshotRequest view;
  view.set_key("view");
  view.set_parent("name");
  api::ViewSnapshotResponse viewed;
  ASSERT_TRUE(stub->View(&view_call, view, &viewed).ok());
  grpc::ClientContext mounts_call;
  api::MountsRequest mounts;
  mounts.set_key("view");
  api::MountsResponse mounted;
  ASSERT_TRUE(stub->Mounts(&mounts_call, mounts, &mounted).ok());
  EXPECT_EQ(mounted.mounts(0).options(0), "ro");

  grpc::ClientContext remove_call;
  api::RemoveSnapshotRequest remove;
  remove.set_key("view");
  ASSERT_TRUE(stub->Remove(&remove_call, remove, &empty).ok());
  grpc::ClientContext cleanup_call;
  ASSERT_TRUE(stub->Cleanup(&cleanup_call, {}, &empty).ok());
  EXPECT_FALSE(os::exists(folder.path() + "/state/snapshots/2"));
}

TEST_F(SnapshotsServiceTest, errors_keep_their_codes_and_long_ones_arrive) {
  api::PrepareSnapshotResponse prepared;
  EXPECT_EQ(prepare("key", "absent", prepared).error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(prepare("key", "", prepared).ok());
  EXPECT_EQ(prepare("key", "", prepared).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(prepare("other", "key", prepared).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  std::vector<api::Info> infos;
  int blocks = 0;
  EXPECT_EQ(list({std::string(10'000, 'a') + "?"}, infos, blocks).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  snapshotter->close();
  EXPECT_EQ(prepare("key", "", prepared).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(SnapshotsServiceTest, list_streams_in_blocks_and_filters) {
  api::PrepareSnapshotResponse prepared;
  for (int at = 0; at < 105; ++at) ASSERT_TRUE(prepare(std::to_string(at), "", prepared).ok());
  std::vector<api::Info> infos;
  int blocks = 0;
  ASSERT_TRUE(list({}, infos, blocks).ok());
  EXPECT_EQ(infos.size(), 105u);
  EXPECT_EQ(blocks, 2);
  infos.clear();
  ASSERT_TRUE(list({"name==7", "name~=^10[0-9]$,kind==active"}, infos, blocks).ok());
  EXPECT_EQ(infos.size(), 6u);
}

TEST_F(SnapshotsServiceTest, the_socket_is_roots_alone_and_replaces_a_stale_one) {
  EXPECT_EQ(MUST(os::stat_path(socket)).st_mode & 07777, 0600u);
  EXPECT_EQ(MUST(os::list_folder(folder.path() + "/run")), std::vector<std::string>{"s.sock"});
  server->stop();
  server->stop();
  EXPECT_FALSE(os::exists(socket));
  MUST(os::replace_file(socket, as_bytes("stale")));
  server = MUST(SnapshotsServer::create({.socket_path = socket}, *snapshotter));
  stub = connect();
  api::PrepareSnapshotResponse prepared;
  EXPECT_TRUE(prepare("key", "", prepared).ok());
}

TEST_F(SnapshotsServiceTest, refuses_a_path_that_no_socket_can_have) {
  EXPECT_TRUE(SnapshotsServer::create({.socket_path = "relative"}, *snapshotter).failed_with(Code::kInvalidArgument));
  auto longer = "/tmp/" + std::string(100, 'x');
  EXPECT_TRUE(SnapshotsServer::create({.socket_path = longer}, *snapshotter).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::runtime
