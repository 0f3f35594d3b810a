// How this room's services call containerd: one place for deadlines, cancellation, headers and the table of status codes. Private
// to the room's .cc files, which include gRPC themselves.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/containerd_client.h"
#include "runtime/limits.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace zeropull::runtime {

struct ContainerdClient::Connection {
  ClientOptions options;
  std::shared_ptr<grpc::Channel> channel;
};

struct Call {
  std::string what;                 // heads the error: "prepare snapshot x"
  Duration timeout = kCallTimeout;  // beside the context's own deadline
};
using Method = std::function<grpc::Status(grpc::ClientContext&)>;
Result<void> call(const Context& ctx, const ContainerdClient& client, const Call& call, const Method& method);

}  // namespace zeropull::runtime
