// For the scripts beside it: the snapshotter over its socket with an empty cache, until SIGTERM. It is what `zeropull agent`
// serves to containerd, without the agent. Prints "serving" when it does.
//
//   snapshotter_server STATE_FOLDER SOCKET
#include <fmt/core.h>

#include <csignal>
#include <cstdio>

#include "runtime/snapshots_service.h"
#include "snapshot/folder_layers.h"
#include "snapshot/overlay_snapshotter.h"

using namespace zeropull;

namespace {

Result<void> serve(const std::string& root, const std::string& socket) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before the server's threads, which inherit it

  snapshot::FolderLayers nothing_cached;
  auto snapshotter = TRY(snapshot::OverlaySnapshotter::create(Context::root("server"), {.root = root}, nothing_cached));
  auto server = TRY(runtime::SnapshotsServer::create({.socket_path = socket}, *snapshotter));
  fmt::print("serving\n");
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server->stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} STATE_FOLDER SOCKET\n", argv[0]);
    return 2;
  }
  auto served = serve(argv[1], argv[2]);
  if (served.ok()) return 0;
  fmt::print(stderr, "{}: {}\n", argv[0], served.error().to_string());
  return 1;
}
