// SnapshotsServer: containerd's snapshots service (containerd.services.snapshots.v1) over a Unix socket, in front of a
// snapshot::Snapshotter. containerd's proxy plugin is its client:
//
//   [proxy_plugins.zeropull]
//     type = "snapshot"
//     address = "/run/zeropull/snapshots.sock"
//
// It owns the gRPC server and its threads; calls run on them, each with the client's deadline (an hour at most). The snapshotter
// outlives it. Error codes go out as they are: they are gRPC's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "snapshot/snapshotter.h"

namespace grpc {
class Service;
}

namespace zeropull::runtime {

struct SnapshotsServerOptions {
  std::string socket_path;                         // absolute, at most 90 bytes; its folder is made, mode 0700, when absent
  std::vector<grpc::Service*> more_services = {};  // served on the same socket; they outlive the server
};

class SnapshotsServer {
 public:
  // Serves when it returns. The socket has mode 0600 from its first moment and takes the place of one that a killed process left;
  // that two live processes do not share a path is the state folder's lock to see to.
  static Result<std::unique_ptr<SnapshotsServer>> create(SnapshotsServerOptions options, snapshot::Snapshotter& snapshotter);
  ~SnapshotsServer();  // stop()

  // Takes no new calls, gives those that run two seconds, cancels the rest and removes the socket. Idempotent.
  void stop();

 private:
  struct Parts;
  explicit SnapshotsServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace zeropull::runtime
