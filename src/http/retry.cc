#include "http/retry.h"

#include <time.h>

#include <algorithm>

namespace zeropull::http {

namespace {

// IMF-fixdate, the only form that a server may generate: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<WallTime> parse_http_date(std::string_view text) {
  struct tm parts{};
  std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return wall_time(::timegm(&parts));
}

}  // namespace

bool is_retried_status(int status) { return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504); }

std::optional<Duration> parse_retry_after(std::string_view value, WallTime now) {
  constexpr std::uint64_t kSecondsMax = 365ULL * 86400;  // keeps the arithmetic far from overflow
  value = trim(value);
  if (auto seconds = parse_size(value)) return std::chrono::seconds(std::min(*seconds, kSecondsMax));
  auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(*date - now));
}

std::optional<RetryReason> retry_reason(const Result<Response>& outcome, const Clock& clock) {
  if (!outcome.ok()) return outcome.error().is(Code::kUnavailable) ? std::optional(RetryReason{}) : std::nullopt;
  if (!is_retried_status(outcome->status)) return std::nullopt;
  RetryReason reason;
  if (auto value = outcome->headers.find("Retry-After")) reason.retry_after = parse_retry_after(*value, clock.wall_now());
  return reason;
}

std::optional<Duration> Backoff::next(const RetryReason& reason) {
  if (attempts_ >= policy_.attempts_max) return std::nullopt;
  ++attempts_;
  const auto span = static_cast<std::uint64_t>(std::max<Duration::rep>(0, (3 * last_ - policy_.delay_min).count()));
  const auto jitter = Duration(static_cast<Duration::rep>(random_.next() % (span + 1)));
  last_ = std::min(policy_.delay_min + jitter, policy_.delay_max);
  if (!reason.retry_after) return last_;
  return std::max(last_, std::min(*reason.retry_after, policy_.retry_after_max));
}

Result<bool> Backoff::wait(const Context& ctx, const RetryReason& reason) {
  auto delay = next(reason);
  if (!delay) return false;
  if (*delay >= ctx.remaining()) {
    return make_error(Code::kDeadlineExceeded, "the next attempt would come {} ms from now, after the deadline",
                      std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count());
  }
  TRY(policy_.sleep(ctx, *delay));
  return true;
}

void Backoff::reset() {
  attempts_ = 1;
  last_ = policy_.delay_min;
}

}  // namespace zeropull::http
