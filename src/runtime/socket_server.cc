#include "runtime/socket_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <mutex>

#include "base/units.h"
#include "os/file.h"
#include "os/tree.h"
#include "runtime/log.h"

namespace zeropull::runtime {

namespace {

constexpr std::size_t kSocketPathMax = 90;                   // sockaddr_un has 108, and the socket is made under a longer name
constexpr int kRequestSizeMax = static_cast<int>(4 * kMiB);  // the labels of a snapshot within their limits, with room
constexpr int kThreadsMax = 256;
constexpr auto kStopGrace = std::chrono::seconds(2);

std::string folder_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

class Server final : public SocketServer {
 public:
  explicit Server(SocketServerOptions options) : options_(std::move(options)) {}
  ~Server() override { stop(); }

  Result<void> start() {
    const auto& path = options_.path;
    if (!path.starts_with('/') || path.size() > kSocketPathMax) {
      return make_error(Code::kInvalidArgument, "socket path '{}' must be absolute and of at most {} bytes", path,
                        kSocketPathMax);
    }
    TRY(os::ensure_folder(folder_of(path)).with_context("socket {}", path));
    grpc::ServerBuilder builder;
    // Made under another name: it has its mode before a client can see it, and the rename replaces a stale one.
    auto starting = path + ".starting";
    TRY(os::remove_file(starting));
    builder.AddListeningPort("unix:" + starting, grpc::InsecureServerCredentials());
    for (auto* service : options_.services) builder.RegisterService(service);
    builder.SetMaxReceiveMessageSize(kRequestSizeMax);
    builder.SetResourceQuota(grpc::ResourceQuota(options_.name).SetMaxThreads(kThreadsMax));
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || !os::exists(starting)) {
      return make_error(Code::kUnavailable, "listen on {}: gRPC could not bind it; look whether its folder can be written", path);
    }
    TRY(os::set_mode(starting, 0600));
    TRY(os::rename_path(starting, path));
    serving_ = true;
    return {};
  }

  void stop() override {
    std::call_once(stopped_, [&] {
      if (serving_) {
        auto removed = os::remove_file(options_.path);
        if (!removed.ok()) LOG_WARN(kLog, "stop {}: {}", options_.name, removed.error().to_string());
      }
      if (options_.before_stop) options_.before_stop();
      if (server_ == nullptr) return;
      server_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
      server_->Wait();
    });
  }

 private:
  const SocketServerOptions options_;
  std::unique_ptr<grpc::Server> server_;
  bool serving_ = false;  // under its own name
  std::once_flag stopped_;
};

}  // namespace

Result<std::unique_ptr<SocketServer>> SocketServer::create(SocketServerOptions options) {
  auto server = std::make_unique<Server>(std::move(options));
  TRY(server->start());
  return std::unique_ptr<SocketServer>(std::move(server));
}

}  // namespace zeropull::runtime
