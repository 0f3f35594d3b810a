// Containers from start to end, over containerd's services: what `zeropull run` and the agent call.
//
// run_container is the whole life of one in the foreground: a lease, the image's snapshot and a writable one on top, the record,
// the task with its streams on FIFOs, the exit, and nothing left behind. Five calls lie between its start and the container's:
// lease, snapshot (three where the image's row is new), record, task, start. The lease goes while the container runs already.
//
// All functions block and are thread-safe; the caller's thread copies the streams. A context that ends while a container runs
// stops it: the image's stop signal, and SIGKILL after the grace.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "runtime/containerd_client.h"
#include "runtime/snapshots.h"
#include "runtime/spec.h"
#include "runtime/stdio.h"

namespace zeropull::runtime {

struct RunOptions {
  std::string image;  // the reference, for the record
  ImageConfig config;
  std::optional<ChainId> layers;  // the chain id of all the image's layers; absent for none
  std::string snapshotter = "zeropull";
  SpecOptions spec;  // names the container; its containerd_namespace is the client's
  Duration stop_grace = std::chrono::seconds(10);
  std::string scratch_folder = "/run/zeropull";  // FIFOs, for as long as the container runs; made if absent
};

// Called on the thread of the call, each at most once. Empty ones are fine.
struct RunProgress {
  std::function<void()> image_ready = {};  // the snapshotter has given the root's mounts, and they have been looked into
  std::function<void()> created = {};      // the runtime has mounted the root
  std::function<void()> started = {};
  std::function<void()> first_output = {};  // a byte has come from the container
};

enum class RunEnd { kExited, kStopped };  // kStopped: because the context ended
struct RunOutcome {
  std::uint32_t exit_code = 0;  // 128 plus the number of the signal that ended it
  RunEnd end = RunEnd::kExited;
};

// kNotFound: the snapshotter does not hold the image, or the image not its user. kAlreadyExists: the container's name is taken.
Result<RunOutcome> run_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options,
                                 const Stdio& stdio, const RunProgress& progress = {});

// Starts a container and leaves it running; its output goes to `log_file`, or nowhere when that is empty. Returns its process.
Result<std::uint32_t> start_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options,
                                      const std::string& log_file, const RunProgress& progress = {});

// The record and the snapshot without a task: what `ctr container create` leaves. Returns the root's mounts.
Result<std::vector<Mount>> create_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options);

struct StopOptions {
  std::string container_id;
  int signal;
  Duration grace = std::chrono::seconds(10);
};
// Ends a container's processes, with SIGKILL after the grace, and waits for that. Its exit code; kNotFound without a task.
Result<std::uint32_t> stop_container(const Context& ctx, const ContainerdClient& client, const StopOptions& options);

// Removes task, record and snapshot, killing what still runs. What is absent already is fine.
Result<void> remove_container(const Context& ctx, const ContainerdClient& client, const std::string& container_id);

}  // namespace zeropull::runtime
