// Context travels down the call tree as the first parameter of everything that may wait: a deadline, a stop token and a trace
// id. Nothing waits without a deadline. Copies are cheap and share the stop state. Thread-safe to read.
//
//   StopSource stop;                                   // owned by whoever may cancel
//   auto ctx = Context::root("pull", stop.token()).with_timeout(30s);
//   TRY(ctx.check());                                  // cancelled or deadline_exceeded
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace zeropull {

class Context {
 public:
  // A context without a caller: a program's or a request's. The default deadline is an hour, so that nothing hangs for ever.
  static Context root(std::string_view trace_id, std::stop_token stop = {}, Duration timeout = std::chrono::hours(1));

  // The nearer of this deadline and now + timeout.
  Context with_timeout(Duration timeout) const;
  // The same deadline with another way to be stopped as well is not needed yet; a child that can be cancelled alone passes its
  // own token here, and its owner stops it when the parent stops.
  Context with_stop(std::stop_token stop) const;

  SteadyTime deadline() const { return deadline_; }
  Duration remaining() const;  // never negative
  int remaining_ms() const;    // for poll(2); rounded up, at most INT_MAX
  const std::stop_token& stop() const { return stop_; }
  std::string_view trace_id() const { return *trace_id_; }

  bool done() const { return stop_.stop_requested() || remaining() == Duration::zero(); }
  Result<void> check() const;  // kCancelled when stopped, kDeadlineExceeded when late
  // Waits at most `duration`; returns early with an error when the context ends first.
  Result<void> sleep(Duration duration) const;

 private:
  Context(SteadyTime deadline, std::stop_token stop, std::shared_ptr<const std::string> trace_id)
      : deadline_(deadline), stop_(std::move(stop)), trace_id_(std::move(trace_id)) {}
  SteadyTime deadline_;
  std::stop_token stop_;
  std::shared_ptr<const std::string> trace_id_;
};

}  // namespace zeropull
