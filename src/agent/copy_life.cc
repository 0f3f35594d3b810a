#include "agent/copy_life.h"

#include <algorithm>

#include "agent/log.h"
#include "base/executor.h"

namespace zeropull::agent {

namespace {

std::string describe_exit(std::uint32_t code, const std::optional<Copy>& copy) {
  constexpr std::uint32_t kSignalled = 128;
  constexpr std::uint32_t kKilled = kSignalled + 9;
  if (code <= kSignalled || code > kSignalled + 64) return fmt::format("the container ended with exit code {}", code);
  std::string text = fmt::format("the container was ended by signal {} (exit code {})", code - kSignalled, code);
  if (code == kKilled && copy && copy->resources.memory_limit_bytes != 0) {
    text += fmt::format(", perhaps for its memory limit of {} MiB", copy->resources.memory_limit_bytes / kMiB);
  }
  return text;
}

// Of a copy that an earlier agent has left, until containerd was asked: who was ready stays so for the router.
CopyState first_state(const CopyRecord& record) {
  if (record.stage == CopyStage::kFailed) return CopyState::kFailed;
  if (record.stage == CopyStage::kStopping) return CopyState::kStopping;
  return record.readiness == Readiness::kReached ? CopyState::kReady : CopyState::kPreparing;
}

Phase* find_phase(std::vector<Phase>& phases, const std::string& name) {
  auto found = std::ranges::find(phases, name, &Phase::name);
  return found == phases.end() ? nullptr : &*found;
}

}  // namespace

CopyLife::CopyLife(const CopyParts& parts, CopyRecord record, std::optional<Copy> desired)
    : parts_(parts), id_(record.id), log_(parts.store.log_file_of(record.id)) {
  {
    auto shared = shared_.lock();
    shared->state = first_state(record);
    shared->reason = record.reason;
    shared->record = std::move(record);
    shared->desired = std::move(desired);
  }
  thread_ = std::jthread([this] { run(); });
}

CopyLife::~CopyLife() { leave(); }

void CopyLife::set_desired(const Copy& copy) {
  auto shared = shared_.lock();
  shared->desired = copy;
  shared.notify_all();
}

void CopyLife::remove() {
  {
    auto shared = shared_.lock();
    if (shared->removal) return;
    shared->removal = true;
    shared.notify_all();
  }
  work_.request_stop();
}

void CopyLife::leave() {
  leave_.request_stop();
  work_.request_stop();
}

bool CopyLife::removal() const { return shared_.lock()->removal; }
bool CopyLife::gone() const { return shared_.lock()->gone; }
bool CopyLife::ready() const { return shared_.lock()->record.readiness == Readiness::kReached; }

CopyPort CopyLife::port() const {
  auto shared = shared_.lock();
  const CopyRecord& record = shared->record;
  return {.id = id_, .slot = record.slot, .port = record.port, .outbound = record.outbound};
}

CopyReport CopyLife::report() const {
  auto shared = shared_.lock();
  const CopyRecord& record = shared->record;
  return {.id = id_,
          .state = shared->state,
          .reason = shared->reason,
          .address = fmt::format("{}:{}", parts_.instance_address, record.port),
          .phases = record.phases,
          .model_identity = record.model_identity,
          .image_digest = record.image_digest,
          .crashes = record.crashes,
          .log_tail = record.log_tail,
          .cpu_seconds = shared->usage.cpu_seconds,
          .memory_bytes = shared->usage.memory_bytes};
}

Context CopyLife::work_context() const { return Context::root(id_, work_.get_token(), kLifetime); }
Context CopyLife::cleanup_context() const { return Context::root(id_, leave_.get_token(), kCleanupTimeout); }

std::uint64_t CopyLife::unix_ms() const {
  auto since = parts_.clock.wall_now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

void CopyLife::begin_phase(const std::string& name) {
  change([&](Shared& shared) {
    auto& phases = shared.record.phases;
    std::erase_if(phases, [&](const Phase& phase) { return phase.name == name; });
    phases.push_back({.name = name, .begin_unix_ms = unix_ms()});
  });
}

void CopyLife::update_phase(const Phase& facts) {
  change([&](Shared& shared) {
    Phase* phase = find_phase(shared.record.phases, facts.name);
    if (phase == nullptr || phase->end_unix_ms != 0) return;
    auto begin = phase->begin_unix_ms;
    *phase = facts;
    phase->begin_unix_ms = begin;
    phase->end_unix_ms = 0;
  });
}

void CopyLife::end_phase(const std::string& name, const Phase& facts) {
  Phase named = facts;
  named.name = name;
  update_phase(named);
  change([&](Shared& shared) {
    Phase* phase = find_phase(shared.record.phases, name);
    if (phase != nullptr && phase->end_unix_ms == 0) phase->end_unix_ms = unix_ms();
  });
}

Result<void> CopyLife::keep() const {
  CopyRecord record = shared_.lock()->record;
  return parts_.store.save(record);
}

void CopyLife::keep_or_warn() const {
  if (auto kept = keep(); !kept.ok()) LOG_WARN(kLog, "copy {}: its record is not up to date: {}", id_, kept.error().message());
}

void CopyLife::log(const std::string& line) const {
  if (auto written = log_.append_line(line); !written.ok()) {
    LOG_WARN(kLog, "copy {}: a line of its log is lost ({}): {}", id_, written.error().message(), line);
  }
}

void CopyLife::pause(const Context& ctx, Duration duration) const { (void)ctx.sleep(duration).ok(); }

// ---- the story ----

void CopyLife::run() {
  adopt();
  while (!leaving()) {
    if (removal()) {
      if (erase()) return;
      pause(cleanup_context(), parts_.timings.retry_pause);
    } else if (shared_.lock()->state == CopyState::kFailed) {
      auto shared = shared_.lock();
      shared.wait(work_context(), [&] { return shared->removal; });
    } else {
      one_round();
    }
  }
}

// Finds out what an earlier agent has left of this copy. A new copy has nothing.
void CopyLife::adopt() {
  auto stage = shared_.lock()->record.stage;
  if (stage == CopyStage::kStopping) remove();
  auto ctx = work_context();
  while (!ctx.done() && stage == CopyStage::kLiving) {
    auto found = parts_.containers.state(ctx, id_);
    if (found.ok() && found->status == ContainerStatus::kEnded) return settle_end(describe_exit(found->exit_code, {}));
    if (found.ok() && found->status == ContainerStatus::kRunning) {
      auto attached = parts_.network.attach(ctx.with_timeout(kNetworkTimeout), port());
      if (!attached.ok()) LOG_WARN(kLog, "copy {} runs, but may be out of reach: {}", id_, attached.error().message());
      change([&](Shared& shared) {
        shared.state = shared.record.readiness == Readiness::kReached ? CopyState::kReady : CopyState::kStarting;
      });
      attached_running_ = true;
      return;
    }
    if (found.ok()) {
      change([](Shared& shared) { shared.state = CopyState::kPreparing; });
      return;
    }
    change([&](Shared& shared) { shared.reason = "containerd does not say whether it runs: " + found.error().message(); });
    pause(ctx, parts_.timings.retry_pause);
  }
}

// One container, from its image to its end.
void CopyLife::one_round() {
  auto ctx = work_context();
  if (std::exchange(attached_running_, false)) return attend(ctx);

  std::optional<Copy> copy;
  std::uint32_t restarts = failed_attempts_;
  {
    auto shared = shared_.lock();
    shared.wait(ctx, [&] { return shared->desired.has_value(); });
    copy = shared->desired;
    restarts += shared->record.restarts;
  }
  if (restarts > 0) {
    auto delay = parts_.timings.restart_delay_min * (1U << std::min(restarts - 1, 16U));
    pause(ctx, std::min<Duration>(delay, parts_.timings.restart_delay_max));
  }
  if (ctx.done() || !copy) return;
  change([&](Shared& shared) {
    shared.state = CopyState::kPreparing;
    shared.record.readiness = Readiness::kNever;
    shared.record.probe = copy->probe;
    shared.record.log_tail.clear();
    shared.exit_code.reset();
    shared.usage = {};
  });
  if (auto kept = keep(); !kept.ok()) return settle_unprepared(kept.error());
  auto prepared = prepare(ctx, *copy);
  if (ctx.done()) return;
  if (!prepared.ok()) return settle_unprepared(prepared.error());
  prepared_ = std::move(prepared).take();
  auto launched = launch(ctx, *copy, *prepared_);
  if (ctx.done()) return;
  if (!launched.ok()) {
    if (launched.failed_with(Code::kUnavailable)) return settle_unprepared(launched.error(), Patience::kEndless);
    return settle_end("the container could not be started: " + launched.error().message());
  }
  attend(ctx);
}

Result<ReadyImage> CopyLife::prepare_image(const Context& ctx, const Copy& copy) {
  begin_phase("image");
  auto image = parts_.ensure_image(ctx, copy, [this](Phase phase) {
    phase.name = "image";
    update_phase(phase);
  });
  auto ready = TRY(std::move(image).with_context("image {}", copy.image));
  end_phase("image", ready.phase);
  change([&](Shared& shared) { shared.record.image_digest = ready.digest; });
  return ready;
}

Result<ReadyModel> CopyLife::prepare_model(const Context& ctx, const DesiredModel& model) {
  begin_phase("model");
  auto limited = ctx.with_timeout(model.download_timeout);
  auto got = parts_.ensure_model(limited, model, [this](Phase phase) {
    phase.name = "model";
    update_phase(phase);
  });
  if (!got.ok() && limited.done() && !ctx.done()) {  // another try would take as long
    return make_error(Code::kOutOfRange, "model {}: not here within its download timeout of {} s: {}", model.uri,
                      model.download_timeout.count(), got.error().message());
  }
  auto ready = TRY(std::move(got).with_context("model {}", model.uri));
  end_phase("model", ready.phase);
  change([&](Shared& shared) { shared.record.model_identity = ready.identity; });
  return ready;
}

Result<CopyLife::Prepared> CopyLife::prepare(const Context& ctx, const Copy& copy) {
  std::optional<ReadyImage> image;
  Prepared prepared;
  const std::size_t parts = copy.model ? 2 : 1;
  TRY(parallel_for(ctx, parts, parts, [&](const Context& part, std::size_t which) -> Result<void> {
    if (which == 0) {
      image = TRY(prepare_image(part, copy));
    } else {
      prepared.model = TRY(prepare_model(part, *copy.model));
    }
    return {};
  }));
  prepared.image = std::move(*image);
  return prepared;
}

Result<void> CopyLife::launch(const Context& ctx, const Copy& copy, const Prepared& prepared) {
  begin_phase("start");
  change([](Shared& shared) { shared.state = CopyState::kStarting; });
  TRY(keep());
  TRY(parts_.containers.remove(ctx, id_));  // of a start that an earlier agent did not finish
  TRY(parts_.network.attach(ctx.with_timeout(kNetworkTimeout), port()));
  return parts_.containers.start(ctx.with_timeout(kStartCallTimeout), {.copy = copy,
                                                                       .image = prepared.image,
                                                                       .model_path = prepared.model ? prepared.model->path : "",
                                                                       .netns = parts_.network.netns_of(id_),
                                                                       .address = parts_.network.address_of(port().slot),
                                                                       .folder = parts_.store.folder_of(id_),
                                                                       .log_file = log_.path()});
}

void CopyLife::wait_for_exit(const std::stop_token& stop) {
  auto ctx = Context::root(id_, stop, kLifetime);
  while (!ctx.done()) {
    auto code = parts_.containers.wait(ctx, id_);
    constexpr std::uint32_t kUnknownEnd = 255;  // what containerd itself says of a container whose shim was killed
    if (code.failed_with(Code::kNotFound)) code = kUnknownEnd;
    if (code.ok()) {
      auto shared = shared_.lock();
      shared->exit_code = *code;
      shared.notify_all();
      return;
    }
    pause(ctx, parts_.timings.retry_pause);  // containerd is away; containers run on
  }
}

Duration CopyLife::until_start_timeout() const {
  auto shared = shared_.lock();
  const Phase* start = find_phase(shared->record.phases, "start");
  auto begin = start == nullptr ? unix_ms() : start->begin_unix_ms;
  auto passed = std::chrono::milliseconds(unix_ms() - std::min(begin, unix_ms()));
  return shared->record.probe.start_timeout - passed;
}

void CopyLife::note_ready() {
  end_phase("healthy", {});
  change([](Shared& shared) {
    shared.state = CopyState::kReady;
    shared.reason.clear();
    shared.record.readiness = Readiness::kReached;
    shared.record.crashes = 0;
  });
  keep_or_warn();
  LOG_INFO(kLog, "copy {} is ready", id_);
}

// Any answer ends the phase "start"; a 200 and the warm-up's success make the copy ready.
Result<void> CopyLife::check_start(const Context& ctx) {
  auto address = parts_.network.address_of(port().slot);
  auto answer = parts_.probe.ping(ctx.with_timeout(parts_.timings.ping_timeout), address);
  if (answer.ok() || answer.failed_with(Code::kFailedPrecondition)) {
    bool first = find_phase(shared_.lock()->record.phases, "healthy") == nullptr;
    if (first) {
      end_phase("start", {});
      begin_phase("healthy");
    }
  }
  TRY(std::move(answer).with_context("GET /ping"));
  Probe probe = shared_.lock()->record.probe;
  if (probe.warm_up_path.empty()) return {};
  return parts_.probe.warm_up(ctx.with_timeout(until_start_timeout()), address, probe);
}

void CopyLife::note_answer(const Result<void>& answer, int& failures) {
  failures = answer.ok() ? 0 : failures + 1;
  bool unhealthy = failures >= parts_.timings.ping_failures_max;
  auto state = unhealthy ? CopyState::kUnhealthy : CopyState::kReady;
  auto before = shared_.lock()->state;
  if (state == before || (failures > 0 && !unhealthy)) return;
  LOG_INFO(kLog, "copy {} is {}: {}", id_, copy_state_name(state), answer.ok() ? "it answers" : answer.error().message());
  change([&](Shared& shared) {
    shared.state = state;
    shared.reason = answer.ok() ? "" : answer.error().message();
  });
}

void CopyLife::attend(const Context& ctx) {
  failed_attempts_ = 0;
  std::jthread exit_waiter([this](const std::stop_token& stop) { wait_for_exit(stop); });
  const CopyTimings& timings = parts_.timings;
  auto ready_since = parts_.clock.steady_now();
  int failures = 0;
  while (!ctx.done()) {
    std::optional<std::uint32_t> code;
    std::optional<Copy> copy;
    {
      auto shared = shared_.lock();
      code = shared->exit_code;
      copy = shared->desired;
    }
    if (code) {
      if (ready() && parts_.clock.steady_now() - ready_since >= timings.steady_after) {
        change([](Shared& shared) { shared.record.restarts = 0; });
      }
      return settle_end(describe_exit(*code, copy));
    }
    Duration next = timings.ping_when_ready;
    if (!ready()) {
      auto checked = check_start(ctx);
      if (ctx.done()) return;
      next = timings.ping_before_ready;
      if (checked.ok()) {
        ready_since = parts_.clock.steady_now();
        note_ready();
      } else if (until_start_timeout() <= Duration::zero()) {
        auto limit = shared_.lock()->record.probe.start_timeout.count();
        return fail(with_last_words(fmt::format("not ready within {} s: {}", limit, checked.error().message())));
      } else if (!shared_.lock()->exit_code) {
        auto text = checked.error().message();
        if (shared_.lock()->reason != text) change([&](Shared& shared) { shared.reason = text; });
      }
    } else {
      auto address = parts_.network.address_of(port().slot);
      auto answer = parts_.probe.ping(ctx.with_timeout(timings.ping_timeout), address);
      if (ctx.done()) return;
      note_answer(answer, failures);
      if (failures > 0) next = timings.ping_when_failing;
    }
    if (auto trimmed = log_.trim({.kept = kLogKept, .step = kLogStep}); !trimmed.ok()) {
      LOG_WARN(kLog, "copy {}: its log grows: {}", id_, trimmed.error().message());
    }
    if (auto usage = parts_.containers.usage(ctx, id_); usage.ok()) shared_.lock()->usage = *usage;
    auto shared = shared_.lock();
    shared.wait(ctx.with_timeout(next), [&] { return shared->exit_code.has_value(); });
  }
}

}  // namespace zeropull::agent
