// ContainerdClient: a connection to containerd's Unix socket, for one containerd namespace.
//
// It is a cheap handle on a shared channel: copies are free, all are thread-safe, and a copy made by with_lease() sends its lease
// with every call, so that what it creates is safe from containerd's collector until the lease goes. The services have headers of
// their own (snapshots.h, containers.h, tasks.h, leases.h, events.h); each takes a client. Calls block until the answer, the
// context's end or kCallTimeout. containerd's status codes arrive as ours, which have the same numbers.
//
//   auto client = TRY(ContainerdClient::create({.socket = "/run/containerd/containerd.sock", .containerd_namespace =
//   "default"})); auto mounts = TRY(Snapshots(client.with_lease(lease), "zeropull").prepare(ctx, {.key = id, .parent =
//   chain_id}));
#pragma once

#include <memory>
#include <string>

#include "base/context.h"
#include "base/result.h"

namespace zeropull::runtime {

struct ClientOptions {
  std::string socket = "/run/containerd/containerd.sock";
  std::string containerd_namespace = "default";
  std::string state_folder = {};  // containerd's `state`; "" for the socket's folder
};

struct ContainerdVersion {
  std::string version;
  std::string revision;
};

class ContainerdClient {
 public:
  // Connects on the first call; an absent or dead containerd is that call's kUnavailable.
  static Result<ContainerdClient> create(ClientOptions options);

  ContainerdClient with_lease(std::string lease_id) const;
  const std::string& containerd_namespace() const;
  Result<ContainerdVersion> version(const Context& ctx) const;

  struct Connection;  // rpc.h, for the services of this room
  const Connection& connection() const { return *connection_; }
  const std::string& lease() const { return lease_; }

 private:
  explicit ContainerdClient(std::shared_ptr<const Connection> connection) : connection_(std::move(connection)) {}
  std::shared_ptr<const Connection> connection_;
  std::string lease_;  // "" for none
};

}  // namespace zeropull::runtime
