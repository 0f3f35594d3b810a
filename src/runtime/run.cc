#include "runtime/run.h"

#include <signal.h>

#include <algorithm>
#include <thread>

#include "base/guarded.h"
#include "runtime/bundles.h"
#include "runtime/containers.h"
#include "runtime/leases.h"
#include "runtime/limits.h"
#include "runtime/log.h"
#include "runtime/rootfs.h"
#include "runtime/tasks.h"

namespace zeropull::runtime {

namespace {

void tell(const std::function<void()>& callback) {
  if (callback) callback();
}

// For what must be undone although the caller's time is over or it was cancelled.
Context cleanup_context(const Context& ctx) { return Context::root(ctx.trace_id(), {}, kCleanupTimeout); }

void drop_lease(const Context& ctx, const ContainerdClient& client, const std::string& lease,
                Leases::Held held = Leases::Held::kLater) {
  if (auto removed = Leases(client).remove(cleanup_context(ctx), lease, held); !removed.ok()) {
    LOG_WARN(kLog, "a lease stays until it expires: {}", removed.error().message());
  }
}

Result<void> ignore_absent(Result<void> result) {
  if (result.failed_with(Code::kNotFound)) return {};
  return result;
}

Result<void> remove_task(const Context& ctx, const Tasks& tasks, const std::string& id) {
  if (ignore_absent(tasks.remove(ctx, id)).ok()) return {};
  // containerd has no code of its own for "it still runs".
  TRY(ignore_absent(tasks.kill(ctx, {.container_id = id, .signal = SIGKILL, .whom = Kill::Whom::kAll})));
  auto ended = tasks.wait(ctx.with_timeout(kCleanupTimeout), id);
  if (!ended.ok() && !ended.failed_with(Code::kNotFound)) return std::move(ended).take_error();
  return ignore_absent(tasks.remove(ctx, id));
}

// The record first: from then on the collector would take the snapshot as well.
Result<void> erase_container(const Context& ctx, const ContainerdClient& client, const ContainerRecord& record) {
  TRY(remove_task(ctx, Tasks(client), record.id));
  TRY(remove_stale_bundle(ctx, client, record.id));
  TRY(ignore_absent(Containers(client).remove(ctx, record.id)));
  if (record.snapshot_key.empty()) return {};
  return ignore_absent(Snapshots(client, record.snapshotter).remove(ctx, record.snapshot_key));
}

struct Created {
  ContainerRecord record;
  std::vector<Mount> rootfs;
};

Result<Created> create_under_lease(const Context& ctx, const ContainerdClient& client, const RunOptions& options,
                                   const RunProgress& progress) {
  const std::string& id = options.spec.container_id;
  Snapshots snapshots(client, options.snapshotter);
  auto mounts = TRY(prepare_rootfs(ctx, snapshots, {.key = id, .image = options.layers}));
  auto root = TRY(open_root(mounts, options.scratch_folder));
  auto user = TRY(resolve_user(root, options.config.user));
  tell(progress.image_ready);
  SpecOptions spec_options = options.spec;
  spec_options.containerd_namespace = client.containerd_namespace();
  auto spec = TRY(build_spec(options.config, user, spec_options));
  ContainerRecord record{.id = id,
                         .labels = container_labels(options.config, options.spec.labels),
                         .image = options.image,
                         .spec = std::move(spec),
                         .snapshotter = options.snapshotter,
                         .snapshot_key = id};
  TRY(Containers(client).create(ctx, record));
  return Created{.record = std::move(record), .rootfs = std::move(mounts)};
}

// Under a lease, which is given back in `lease` for the caller to drop. A failure leaves nothing: what the lease alone held is
// collected with it, so that the container's name is free at once.
Result<Created> create(const Context& ctx, const ContainerdClient& client, const RunOptions& options, const RunProgress& progress,
                       std::string& lease) {
  if (options.spec.container_id.empty()) return make_error(Code::kInvalidArgument, "the container has no name");
  lease = TRY(Leases(client).create(ctx));
  auto created = create_under_lease(ctx, client.with_lease(lease), options, progress);
  if (!created.ok()) drop_lease(ctx, client, lease, Leases::Held::kCollected);
  return created;
}

// After a failure: removes the container, and tells only of what could not be removed.
Error undo(const Context& ctx, const ContainerdClient& client, const ContainerRecord& record, Error error) {
  if (auto erased = erase_container(cleanup_context(ctx), client, record); !erased.ok()) {
    LOG_ERROR(kLog, "container {} could not be removed: {}", record.id, erased.error().message());
  }
  return error;
}

int stop_signal_of(const ImageConfig& config) {
  if (config.stop_signal.empty()) return SIGTERM;
  auto signal = parse_signal(config.stop_signal);
  if (!signal.ok()) LOG_WARN(kLog, "stop with SIGTERM, since the image's stop signal is unknown: {}", config.stop_signal);
  return signal.ok() ? *signal : SIGTERM;
}

// A started task in the foreground: copies its streams until it has exited, and stops it when the context ends.
class Attendance {
 public:
  Attendance(const Context& ctx, const ContainerdClient& client, const RunOptions& options, StdioPump& pump)
      : ctx_(ctx), tasks_(client), options_(options), pump_(pump) {}

  // `before_wait` runs on the thread that waits for the exit, while the container runs.
  Result<RunOutcome> attend(const std::function<void()>& before_wait) {
    std::stop_callback wake_on_stop(ctx_.stop(), [this] { pump_.wake(); });
    std::jthread waiter([&](std::stop_token stop) {
      before_wait();
      auto lasting =
          Context::root(ctx_.trace_id(), std::move(stop), ctx_.remaining() + options_.stop_grace + 2 * kCleanupTimeout);
      *exit_.lock() = tasks_.wait(lasting, id());
      pump_.wake();
    });
    while (!exited()) {
      TRY(stop_when_due());
      TRY(pump_.step(step_ms()));
      if (pump_.take_input_ended()) TRY(ignore_absent(tasks_.close_input(cleanup_context(ctx_), id())));
    }
    TRY(drain());
    auto exit_code = TRY(std::move(**exit_.lock()));
    return RunOutcome{.exit_code = exit_code, .end = stopping_ ? RunEnd::kStopped : RunEnd::kExited};
  }

 private:
  const std::string& id() const { return options_.spec.container_id; }
  bool exited() { return exit_.lock()->has_value(); }
  SteadyTime now() const { return Clock::system().steady_now(); }

  // Until the next thing that may be due: the context's end, then SIGKILL, then giving up.
  int step_ms() const {
    Duration left = due_ ? *due_ - now() : ctx_.remaining();
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(ms, 0, std::numeric_limits<int>::max()));
  }

  Result<void> stop_when_due() {
    if (!stopping_ && ctx_.done()) {
      stopping_ = true;
      due_ = now() + options_.stop_grace;
      return signal(stop_signal_of(options_.config), Kill::Whom::kInit);
    }
    if (!due_ || now() < *due_) return {};
    if (killed_) return make_error(Code::kDeadlineExceeded, "container {} does not end, not even by SIGKILL", id());
    killed_ = true;
    due_ = now() + kCleanupTimeout;
    return signal(SIGKILL, Kill::Whom::kAll);
  }

  Result<void> signal(int number, Kill::Whom whom) {
    return ignore_absent(tasks_.kill(cleanup_context(ctx_), {.container_id = id(), .signal = number, .whom = whom}));
  }

  // What the container wrote last is still in the FIFOs.
  Result<void> drain() {
    auto until = Context::root(ctx_.trace_id(), {}, kDrainTimeout);
    while (!pump_.outputs_ended() && !until.done()) TRY(pump_.step(until.remaining_ms()));
    return {};
  }

  const Context& ctx_;
  const Tasks tasks_;
  const RunOptions& options_;
  StdioPump& pump_;
  Guarded<std::optional<Result<std::uint32_t>>> exit_;
  bool stopping_ = false;
  bool killed_ = false;
  std::optional<SteadyTime> due_;
};

Result<std::uint32_t> create_and_start_task(const Context& ctx, const Tasks& tasks, const NewTask& task,
                                            const RunProgress& progress) {
  auto pid = TRY(tasks.create(ctx, task));
  tell(progress.created);
  TRY(tasks.start(ctx, task.container_id));
  tell(progress.started);
  return pid;
}

}  // namespace

Result<RunOutcome> run_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options,
                                 const Stdio& stdio, const RunProgress& progress) {
  TRY(os::ensure_folder(options.scratch_folder));
  auto pump = TRY(StdioPump::create(options.scratch_folder, stdio, progress.first_output));
  std::string lease;
  auto created = TRY(create(ctx, client, options, progress, lease));
  NewTask task{.container_id = created.record.id, .rootfs = created.rootfs};
  pump.connect(task);
  auto run = [&]() -> Result<RunOutcome> {
    TRY(create_and_start_task(ctx, Tasks(client), task, progress));
    return Attendance(ctx, client, options, pump).attend([&] { drop_lease(ctx, client, std::exchange(lease, "")); });
  };
  auto outcome = run();
  if (!lease.empty()) drop_lease(ctx, client, lease);
  if (!outcome.ok()) return undo(ctx, client, created.record, std::move(outcome).take_error());
  TRY(erase_container(cleanup_context(ctx), client, created.record));
  return outcome;
}

Result<std::uint32_t> start_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options,
                                      const std::string& log_file, const RunProgress& progress) {
  TRY(os::ensure_folder(options.scratch_folder));
  std::string lease;
  auto created = TRY(create(ctx, client, options, progress, lease));
  std::string log = log_file.empty() ? "" : "file://" + log_file;
  NewTask task{.container_id = created.record.id, .rootfs = created.rootfs, .standard_output = log, .standard_error = log};
  auto pid = create_and_start_task(ctx, Tasks(client), task, progress);
  drop_lease(ctx, client, lease);
  if (!pid.ok()) return undo(ctx, client, created.record, std::move(pid).take_error());
  return pid;
}

Result<std::vector<Mount>> create_container(const Context& ctx, const ContainerdClient& client, const RunOptions& options) {
  TRY(os::ensure_folder(options.scratch_folder));
  std::string lease;
  auto created = TRY(create(ctx, client, options, {}, lease));
  drop_lease(ctx, client, lease);
  return std::move(created.rootfs);
}

Result<std::uint32_t> stop_container(const Context& ctx, const ContainerdClient& client, const StopOptions& options) {
  Tasks tasks(client);
  TRY(ignore_absent(tasks.kill(ctx, {.container_id = options.container_id, .signal = options.signal})));
  auto exit_code = tasks.wait(ctx.with_timeout(options.grace), options.container_id);
  if (!exit_code.failed_with(Code::kDeadlineExceeded)) return exit_code;
  TRY(ignore_absent(tasks.kill(ctx, {.container_id = options.container_id, .signal = SIGKILL, .whom = Kill::Whom::kAll})));
  return tasks.wait(ctx.with_timeout(kCleanupTimeout), options.container_id);
}

Result<void> remove_container(const Context& ctx, const ContainerdClient& client, const std::string& container_id) {
  auto record = Containers(client).get(ctx, container_id);
  if (record.failed_with(Code::kNotFound)) return remove_stale_bundle(ctx, client, container_id);
  auto found = TRY(std::move(record).with_context("remove container {}", container_id));
  return erase_container(ctx, client, found);
}

}  // namespace zeropull::runtime
