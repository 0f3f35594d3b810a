#include "runtime/leases.h"

#include <fmt/chrono.h>
#include <grpcpp/grpcpp.h>

#include "containerd/services/leases/v1/leases.grpc.pb.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace leases_api = containerd::services::leases::v1;

namespace {

constexpr const char* kExpireLabel = "containerd.io/gc.expire";  // RFC 3339 (metadata/gc.go)

leases_api::Leases::Stub leases_stub(const ContainerdClient& client) {
  return leases_api::Leases::Stub(client.connection().channel);
}

}  // namespace

Result<std::string> Leases::create(const Context& ctx, Duration lifetime) const {
  auto expires = std::chrono::time_point_cast<std::chrono::seconds>(Clock::system().wall_now() + lifetime);
  leases_api::CreateRequest request;
  request.set_id(fmt::format("zeropull-{:016x}", Random::secure().next()));
  (*request.mutable_labels())[kExpireLabel] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", expires);
  leases_api::CreateResponse response;
  TRY(call(ctx, client_, {.what = "create a lease"},
           [&](grpc::ClientContext& context) { return leases_stub(client_).Create(&context, request, &response); }));
  return response.lease().id();
}

Result<void> Leases::remove(const Context& ctx, const std::string& lease_id, Held held) const {
  leases_api::DeleteRequest request;
  request.set_id(lease_id);
  request.set_sync(held == Held::kCollected);
  google::protobuf::Empty response;
  auto removed = call(ctx, client_, {.what = fmt::format("remove lease {}", lease_id)},
                      [&](grpc::ClientContext& context) { return leases_stub(client_).Delete(&context, request, &response); });
  if (removed.failed_with(Code::kNotFound)) return {};
  return removed;
}

Result<std::vector<std::string>> Leases::list(const Context& ctx) const {
  leases_api::ListResponse response;
  TRY(call(ctx, client_, {.what = "list leases"},
           [&](grpc::ClientContext& context) { return leases_stub(client_).List(&context, {}, &response); }));
  std::vector<std::string> ids;
  for (const auto& lease : response.leases()) ids.push_back(lease.id());
  return ids;
}

}  // namespace zeropull::runtime
