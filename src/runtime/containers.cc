#include "runtime/containers.h"

#include <grpcpp/grpcpp.h>

#include "containerd/services/containers/v1/containers.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace containers_api = containerd::services::containers::v1;

namespace {

containers_api::Containers::Stub containers_stub(const ContainerdClient& client) {
  return containers_api::Containers::Stub(client.connection().channel);
}

ContainerRecord record_of(const containers_api::Container& container) {
  return {.id = container.id(),
          .labels = {container.labels().begin(), container.labels().end()},
          .image = container.image(),
          .runtime = container.runtime().name(),
          .runtime_options_type = container.runtime().options().type_url(),
          .spec = container.spec().value(),
          .snapshotter = container.snapshotter(),
          .snapshot_key = container.snapshot_key()};
}

}  // namespace

Result<void> Containers::create(const Context& ctx, const ContainerRecord& record) const {
  containers_api::CreateContainerRequest request;
  containers_api::Container& container = *request.mutable_container();
  container.set_id(record.id);
  container.mutable_labels()->insert(record.labels.begin(), record.labels.end());
  container.set_image(record.image);
  container.mutable_runtime()->set_name(record.runtime);
  if (!record.runtime_options_type.empty()) {
    container.mutable_runtime()->mutable_options()->set_type_url(record.runtime_options_type);
  }
  container.mutable_spec()->set_type_url(kSpecType);
  container.mutable_spec()->set_value(record.spec);
  container.set_snapshotter(record.snapshotter);
  container.set_snapshot_key(record.snapshot_key);
  containers_api::CreateContainerResponse response;
  return call(ctx, client_, {.what = fmt::format("create container {}", record.id)},
              [&](grpc::ClientContext& context) { return containers_stub(client_).Create(&context, request, &response); });
}

Result<ContainerRecord> Containers::get(const Context& ctx, const std::string& id) const {
  containers_api::GetContainerRequest request;
  request.set_id(id);
  containers_api::GetContainerResponse response;
  TRY(call(ctx, client_, {.what = fmt::format("get container {}", id)},
           [&](grpc::ClientContext& context) { return containers_stub(client_).Get(&context, request, &response); }));
  return record_of(response.container());
}

Result<std::vector<ContainerRecord>> Containers::list(const Context& ctx, const std::vector<std::string>& filters) const {
  containers_api::ListContainersRequest request;
  request.mutable_filters()->Assign(filters.begin(), filters.end());
  containers_api::ListContainersResponse response;
  TRY(call(ctx, client_, {.what = "list containers"},
           [&](grpc::ClientContext& context) { return containers_stub(client_).List(&context, request, &response); }));
  std::vector<ContainerRecord> records;
  for (const auto& container : response.containers()) records.push_back(record_of(container));
  return records;
}

Result<void> Containers::remove(const Context& ctx, const std::string& id) const {
  containers_api::DeleteContainerRequest request;
  request.set_id(id);
  google::protobuf::Empty response;
  return call(ctx, client_, {.what = fmt::format("remove container {}", id)},
              [&](grpc::ClientContext& context) { return containers_stub(client_).Delete(&context, request, &response); });
}

}  // namespace zeropull::runtime
