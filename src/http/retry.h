// Retrying: which failures are worth another attempt, how long to wait before it, and when to give up. A Backoff belongs to one
// operation and one thread; the policy is shared.
//
//   Backoff backoff(policy, random);
//   for (;;) {
//     auto answer = client.request(ctx, request);
//     auto retry = retry_reason(answer, clock);
//     if (!retry) return answer;
//     if (!TRY(backoff.wait(ctx, *retry))) return answer;   // out of attempts
//   }
#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "http/client.h"

namespace zeropull::http {

struct RetryPolicy {
  int attempts_max = 6;  // the first one included
  Duration delay_min = std::chrono::milliseconds(200);
  Duration delay_max = std::chrono::seconds(20);
  Duration retry_after_max = std::chrono::seconds(60);  // a server may not park us for longer
  // How to wait: Context::sleep, or a test's recorder.
  std::function<Result<void>(const Context&, Duration)> sleep = [](const Context& ctx, Duration d) { return ctx.sleep(d); };
};

// 408, 429, 500, 502, 503, 504: the server may answer otherwise soon.
bool is_retried_status(int status);

struct RetryReason {
  std::optional<Duration> retry_after;  // the server's own wish
};
// Why this outcome is worth another attempt: a kUnavailable error (unreachable, broken, stalled) or a retried status.
std::optional<RetryReason> retry_reason(const Result<Response>& outcome, const Clock& clock);

// Retry-After in seconds or as an HTTP date (RFC 9110 section 10.2.3), never negative.
std::optional<Duration> parse_retry_after(std::string_view value, WallTime now);

// Decorrelated jitter: each delay is uniform in [delay_min, 3 * the last], at most delay_max; Retry-After, capped, is a floor.
class Backoff {
 public:
  Backoff(const RetryPolicy& policy, Random& random) : policy_(policy), random_(random), last_(policy.delay_min) {}
  // nullopt when the attempts are used up.
  std::optional<Duration> next(const RetryReason& reason);
  // Sleeps next(); false when the attempts are used up. Fails when the context ends, at once where its deadline comes first.
  Result<bool> wait(const Context& ctx, const RetryReason& reason);
  // Progress was made: a long transfer that breaks now and then starts counting again.
  void reset();
  int attempts() const { return attempts_; }  // made so far, the current one included

 private:
  const RetryPolicy& policy_;
  Random& random_;
  Duration last_;
  int attempts_ = 1;
};

}  // namespace zeropull::http
