#include "http/retry.h"

#include <gtest/gtest.h>

namespace zeropull::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Yields one value for ever.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::byte value) : value_(value) {}
  void fill(MutableByteView out) override { std::ranges::fill(out, value_); }

 private:
  std::byte value_;
};

Response answer(int status, Headers headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = {}, .url = MUST(Url::parse("https://host/"))};
}

TEST(Retry, repeats_busy_servers_and_broken_transfers_alone) {
  auto& clock = Clock::system();
  for (int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(retry_reason(answer(status), clock)) << status;
  for (int status : {200, 206, 301, 400, 401, 403, 404, 416, 501}) EXPECT_FALSE(retry_reason(answer(status), clock)) << status;
  EXPECT_TRUE(retry_reason(make_error(Code::kUnavailable, "broken"), clock));
  for (auto code : {Code::kCancelled, Code::kDeadlineExceeded, Code::kUnauthenticated, Code::kDataLoss})
    EXPECT_FALSE(retry_reason(make_error(code, "no"), clock));
}

TEST(Retry, reads_retry_after_in_seconds_and_as_a_date) {
  const WallTime now = std::chrono::system_clock::from_time_t(784111777);  // 1994-11-06 08:49:37
  EXPECT_EQ(parse_retry_after("7", now), seconds(7));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), seconds(10));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), seconds(0));
  EXPECT_TRUE(parse_retry_after("18446744073709551615", now));
  for (const char* bad : {"", "soon", "-1", "99999999999999999999999"}) EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
}

TEST(Backoff, stays_between_its_bounds_and_gives_up_after_its_attempts) {
  const RetryPolicy policy{.attempts_max = 4, .delay_min = milliseconds(100), .delay_max = milliseconds(250)};
  FixedRandom lowest{std::byte{0}};
  Backoff low(policy, lowest);
  EXPECT_EQ(low.next({}), milliseconds(100));
  EXPECT_EQ(low.next({}), milliseconds(100));
  EXPECT_EQ(low.next({}), milliseconds(100));
  EXPECT_EQ(low.next({}), std::nullopt);
  Backoff any(policy, Random::secure());
  while (auto delay = any.next({})) {
    EXPECT_GE(*delay, milliseconds(100));
    EXPECT_LE(*delay, milliseconds(250));
  }
}

TEST(Backoff, honours_retry_after_up_to_its_cap) {
  const RetryPolicy policy{.attempts_max = 10, .delay_max = milliseconds(200), .retry_after_max = seconds(5)};
  Backoff backoff(policy, Random::secure());
  EXPECT_EQ(backoff.next({.retry_after = seconds(3)}), seconds(3));
  EXPECT_EQ(backoff.next({.retry_after = seconds(300)}), seconds(5));
  EXPECT_EQ(backoff.next({.retry_after = seconds(0)}), milliseconds(200));
}

TEST(Backoff, does_not_sleep_past_the_deadline) {
  RetryPolicy policy;
  int sleeps = 0;
  policy.sleep = [&](const Context&, Duration) -> Result<void> { return ++sleeps, Result<void>(); };
  Backoff backoff(policy, Random::secure());
  auto ctx = Context::root("test").with_timeout(seconds(30));
  EXPECT_TRUE(backoff.wait(ctx, {.retry_after = seconds(60)}).failed_with(Code::kDeadlineExceeded));
  EXPECT_EQ(sleeps, 0);
  EXPECT_TRUE(*backoff.wait(ctx, {.retry_after = seconds(10)}));
  EXPECT_EQ(sleeps, 1);
}

}  // namespace
}  // namespace zeropull::http
