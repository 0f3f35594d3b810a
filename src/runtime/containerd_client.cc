#include "runtime/containerd_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <stop_token>

#include "containerd/services/version/v1/version.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace {

// Our codes have gRPC's numbers (base/result.h), so the table is the identity; what is no code of gRPC's is kUnknown.
Code code_of(grpc::StatusCode status) {
  auto number = static_cast<int>(status);
  return number >= 1 && number <= 16 ? static_cast<Code>(number) : Code::kUnknown;
}

Error call_error(const ContainerdClient& client, const Call& call, const grpc::Status& status) {
  Code code = code_of(status.error_code());
  std::string hint;
  if (code == Code::kUnavailable) {
    hint = fmt::format(" (is containerd running, and is its socket {}?)", client.connection().options.socket);
  }
  return Error(code, fmt::format("{}: containerd: {}{}", call.what, status.error_message(), hint));
}

}  // namespace

Result<ContainerdClient> ContainerdClient::create(ClientOptions options) {
  if (!options.socket.starts_with('/')) {
    return make_error(Code::kInvalidArgument, "containerd's socket must be an absolute path, not '{}'", options.socket);
  }
  if (options.containerd_namespace.empty()) return make_error(Code::kInvalidArgument, "containerd's namespace is empty");
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageSizeMax);
  arguments.SetMaxSendMessageSize(kMessageSizeMax);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto channel = grpc::CreateCustomChannel("unix://" + options.socket, grpc::InsecureChannelCredentials(), arguments);
  channel->GetState(/*try_to_connect=*/true);  // so that the first call finds it connected
  auto connection = std::make_shared<Connection>(Connection{.options = std::move(options), .channel = std::move(channel)});
  return ContainerdClient(std::move(connection));
}

ContainerdClient ContainerdClient::with_lease(std::string lease_id) const {
  ContainerdClient leased = *this;
  leased.lease_ = std::move(lease_id);
  return leased;
}

const std::string& ContainerdClient::containerd_namespace() const { return connection_->options.containerd_namespace; }

Result<ContainerdVersion> ContainerdClient::version(const Context& ctx) const {
  namespace api = containerd::services::version::v1;
  api::VersionResponse response;
  TRY(call(ctx, *this, {.what = "ask containerd's version"}, [&](grpc::ClientContext& context) {
    return api::Version::Stub(connection_->channel).Version(&context, {}, &response);
  }));
  return ContainerdVersion{.version = response.version(), .revision = response.revision()};
}

Result<void> call(const Context& ctx, const ContainerdClient& client, const Call& call, const Method& method) {
  if (auto alive = ctx.check(); !alive.ok()) return std::move(alive).with_context("{}", call.what);
  grpc::ClientContext context;
  auto timeout = std::chrono::duration_cast<std::chrono::system_clock::duration>(std::min(ctx.remaining(), call.timeout));
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  context.AddMetadata("containerd-namespace", client.containerd_namespace());
  if (!client.lease().empty()) context.AddMetadata("containerd-lease", client.lease());
  std::stop_callback cancel(ctx.stop(), [&context] { context.TryCancel(); });
  grpc::Status status = method(context);
  if (!status.ok()) return call_error(client, call, status);
  return {};
}

}  // namespace zeropull::runtime
