// SocketServer: gRPC services on a Unix socket of mode 0600, as the agent and the control plane serve their machine's operator.
//
// Calls run on gRPC's threads. The services outlive the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace grpc {
class Service;
}

namespace zeropull::runtime {

struct SocketServerOptions {
  std::string path;  // absolute, at most 90 bytes; its folder is made, mode 0700, when absent
  std::vector<grpc::Service*> services;
  std::string name;                   // in logs
  std::function<void()> before_stop;  // called once, when calls that run should end; may be empty
};

class SocketServer {
 public:
  // Serves when it returns. The socket has mode 0600 from its first moment and takes the place of one that a killed process left;
  // that two live processes do not share a path is the state folder's lock to see to.
  static Result<std::unique_ptr<SocketServer>> create(SocketServerOptions options);
  virtual ~SocketServer() = default;  // stop()
  // Takes no new calls, gives those that run two seconds, cancels the rest and removes the socket. Idempotent.
  virtual void stop() = 0;
};

}  // namespace zeropull::runtime
