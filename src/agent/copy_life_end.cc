// CopyLife's ends: of a container, of a try to start one, and of the copy.
#include <algorithm>
#include <sstream>

#include "agent/copy_life.h"
#include "agent/log.h"

namespace zeropull::agent {

namespace {

// The message tells of the world, which may be another one soon.
bool may_pass(const Error& error) {
  switch (error.code()) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted:
    case Code::kAborted:
    case Code::kInternal:
    case Code::kUnknown:
    case Code::kCancelled: return true;
    default: return false;
  }
}

}  // namespace

// With what the container itself has said last, in one line.
std::string CopyLife::with_last_words(std::string reason) const {
  std::istringstream lines(log_.tail(kReasonTailMax));
  std::string said;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kAgentLine)) said += (said.empty() ? "" : " | ") + line;
  }
  return said.empty() ? reason : reason + "; its log ends with: " + said;
}

// containerd's absence is waited out: it is not the copy's fault, and somebody starts it again.
void CopyLife::settle_unprepared(const Error& error, Patience patience) {
  ++failed_attempts_;
  change([&](Shared& shared) { shared.reason = error.message(); });
  LOG_WARN(kLog, "copy {}: {}", id_, error.to_string());
  log(error.message());
  if (patience == Patience::kEndless) return;
  if (!may_pass(error) || failed_attempts_ >= parts_.timings.prepare_attempts_max) fail(error.message());
}

// The container goes before the count is kept: what a kill between the two loses is a count.
void CopyLife::settle_end(const std::string& how) {
  change([&](Shared& shared) {  // at once: the router sends nothing more
    shared.state = CopyState::kPreparing;
    shared.reason = how;
  });
  log(how);
  auto removed = parts_.containers.remove(cleanup_context(), id_);
  if (!removed.ok()) LOG_WARN(kLog, "copy {}: {}", id_, removed.error().message());
  prepared_.reset();
  auto tail = log_.tail(kLogTailMax);
  std::uint32_t crashes = 0;
  std::uint32_t crashes_max = 0;
  change([&](Shared& shared) {
    CopyRecord& record = shared.record;
    bool was_ready = record.readiness == Readiness::kReached;
    record.crashes = was_ready ? 0 : record.crashes + 1;
    ++record.restarts;
    record.readiness = Readiness::kNever;
    record.log_tail = tail;
    std::erase_if(record.phases, [](const Phase& phase) { return phase.name == "healthy"; });
    record.reason = how;
    crashes = record.crashes;
    crashes_max = std::max(record.probe.crashes_max, 1U);
  });
  LOG_WARN(kLog, "copy {}: {}", id_, how);
  if (crashes >= crashes_max)
    return fail(with_last_words(fmt::format("{}, {} times in a row before it was ready", how, crashes)));
  keep_or_warn();
}

// For good: what it used is free at once, its record and log stay until nobody wants the copy any more.
void CopyLife::fail(const std::string& reason) {
  log(reason);
  auto tail = log_.tail(kLogTailMax);
  auto ctx = cleanup_context();
  if (auto removed = parts_.containers.remove(ctx, id_); !removed.ok()) {
    LOG_WARN(kLog, "copy {}: {}", id_, removed.error().message());
  }
  prepared_.reset();
  if (auto detached = parts_.network.detach(ctx, port()); !detached.ok()) {
    LOG_WARN(kLog, "copy {}: {}", id_, detached.error().message());
  }
  LOG_WARN(kLog, "copy {} has failed: {}", id_, reason);
  change([&](Shared& shared) {
    shared.state = CopyState::kFailed;
    shared.reason = reason;
    shared.record.reason = reason;
    shared.record.log_tail = tail;
    shared.record.stage = CopyStage::kFailed;
  });
  keep_or_warn();
}

// True when nothing is left. A copy that never was ready serves nobody: it is not given the time to finish.
bool CopyLife::erase() {
  auto was_ready = ready();
  change([](Shared& shared) {
    shared.state = CopyState::kStopping;
    shared.record.stage = CopyStage::kStopping;
  });
  keep_or_warn();
  auto take_away = [&]() -> Result<void> {
    auto ctx = cleanup_context();
    if (was_ready) TRY(parts_.containers.stop(ctx, id_, parts_.timings.stop_grace));
    TRY(parts_.containers.remove(ctx, id_));
    prepared_.reset();
    TRY(parts_.network.detach(ctx, port()));
    return parts_.store.remove(id_);
  };
  auto done = take_away();
  if (!done.ok()) {
    if (leaving()) return false;
    LOG_WARN(kLog, "copy {} is not removed yet: {}", id_, done.error().message());
    change([&](Shared& shared) { shared.reason = done.error().message(); });
    return false;
  }
  LOG_INFO(kLog, "copy {} is removed", id_);
  change([](Shared& shared) { shared.gone = true; });
  if (parts_.on_gone) parts_.on_gone();
  return true;
}

}  // namespace zeropull::agent
