#include "runtime/bundles.h"

#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"
#include "runtime/limits.h"
#include "runtime/log.h"
#include "runtime/rpc.h"

namespace zeropull::runtime {

namespace {

std::string namespace_folder(const ContainerdClient& client) {
  const auto& options = client.connection().options;
  const auto state = options.state_folder.empty() ? os::parent_folder(options.socket) : options.state_folder;
  return state + "/io.containerd.runtime.v2.task/" + options.containerd_namespace;
}

// Kills what runs and takes runc's record and the root's mount away: what containerd itself starts when a shim has gone.
Result<void> run_shim_delete(const Context& ctx, const ContainerdClient& client, const std::string& id,
                             const std::string& bundle) {
  const auto& options = client.connection().options;
  TRY(os::run_program(ctx.with_timeout(kCleanupTimeout),
                      {.argv = {"env", "-C", bundle, "TTRPC_ADDRESS=" + options.socket + ".ttrpc", "containerd-shim-runc-v2",
                                "-namespace", options.containerd_namespace, "-address", options.socket, "-publish-binary",
                                "containerd", "-id", id, "-bundle", bundle, "delete"},
                       .input = {}}));
  return {};
}

Result<void> unmount_below(const std::string& folder) {
  auto mounts = TRY(os::list_mounts());
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {  // the newest first: it may lie on an older one
    if (mount->mount_point.starts_with(folder + "/")) TRY(os::unmount(mount->mount_point, os::Unmount::kLazily));
  }
  return {};
}

Result<void> remove_bundle(const Context& ctx, const ContainerdClient& client, const std::string& id, const std::string& bundle) {
  // Written before anything is mounted or started in it.
  if (os::exists(bundle + "/runtime")) TRY(run_shim_delete(ctx, client, id, bundle));
  TRY(unmount_below(bundle));
  TRY(os::remove_tree(bundle));
  LOG_WARN(kLog, "cleaned up what the shim of container {} had left", id);
  return {};
}

}  // namespace

Result<void> remove_stale_bundle(const Context& ctx, const ContainerdClient& client, const std::string& container_id) {
  const auto bundle = namespace_folder(client) + "/" + container_id;
  if (!os::exists(bundle)) return {};
  return remove_bundle(ctx, client, container_id, bundle).with_context("clean up after container {}", container_id);
}

Result<void> remove_stale_bundles(const Context& ctx, const ContainerdClient& client) {
  const auto folder = namespace_folder(client);
  if (!os::exists(folder)) return {};
  auto names = TRY(os::list_folder(folder));
  for (const auto& name : names) {
    if (name.starts_with('.')) continue;  // that containerd was about to delete
    TRY(remove_bundle(ctx, client, name, folder + "/" + name).with_context("clean up after container {}", name));
  }
  TRY(unmount_below(folder));
  return os::remove_tree(folder);
}

}  // namespace zeropull::runtime
