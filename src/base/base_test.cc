#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"

namespace zeropull {
namespace {

constexpr unsigned kErrorLine = __LINE__ + 2;
Result<int> half(int n) {
  if (n % 2 != 0) return make_error(Code::kInvalidArgument, "{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  auto h = TRY(half(n).with_context("first half of {}", n));
  return half(h);
}

TEST(Result, try_returns_the_error_with_outermost_context_first) {
  EXPECT_EQ(*quarter(8), 2);
  auto odd = quarter(7);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().to_string(), "invalid_argument: first half of 7: 7 is odd");
}

TEST(Result, keeps_the_line_that_made_the_error) {
  auto odd = half(1);
  EXPECT_EQ(odd.error().where().line(), kErrorLine);
}

TEST(Result, moves_values_that_cannot_be_copied) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  auto use = [&]() -> Result<int> {
    auto p = TRY(make());
    return *p;
  };  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): as UndefReturn in .clang-tidy
  EXPECT_EQ(*use(), 5);
}

TEST(ResultDeathTest, reading_a_failed_result_crashes_with_its_error) { EXPECT_DEATH((void)half(3).value(), "3 is odd"); }

TEST(Bytes, hex_round_trips_and_refuses_upper_case) {
  auto bytes = from_hex("00ff10");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(to_hex(*bytes), "00ff10");
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("FF"));
}

TEST(Digest, parses_sha256_alone) {
  std::string hex(64, 'a');
  auto id = DiffId::parse("sha256:" + hex);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->text(), "sha256:" + hex);
  EXPECT_FALSE(DiffId::parse(hex));
  EXPECT_FALSE(DiffId::parse("sha512:" + hex));
  EXPECT_FALSE(DiffId::parse("sha256:" + hex + "a"));
}

TEST(Units, checked_arithmetic_refuses_overflow) {
  EXPECT_FALSE(checked_add(UINT64_MAX, 1));
  EXPECT_FALSE(checked_multiply(UINT64_MAX, 2));
  EXPECT_EQ(divide_up(UINT64_MAX, kGiB), UINT64_MAX / kGiB + 1);
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
}

TEST(Context, ends_by_stop_and_by_deadline) {
  std::stop_source stop;
  auto ctx = Context::root("test", stop.get_token());
  EXPECT_TRUE(ctx.check().ok());
  EXPECT_TRUE(ctx.with_timeout(Duration::zero()).check().failed_with(Code::kDeadlineExceeded));
  stop.request_stop();
  EXPECT_TRUE(ctx.check().failed_with(Code::kCancelled));
  EXPECT_TRUE(ctx.sleep(std::chrono::hours(1)).failed_with(Code::kCancelled));
}

TEST(ThreadPool, runs_what_is_queued_before_it_stops) {
  std::atomic<int> done = 0;
  ThreadPool pool({.name = "test", .threads = 2});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.post([&] { ++done; }).ok());
  pool.stop();
  EXPECT_EQ(done, 100);
  EXPECT_TRUE(pool.post([] {}).failed_with(Code::kFailedPrecondition));
}

TEST(ParallelFor, returns_the_first_error_and_starts_nothing_after_it) {
  auto ctx = Context::root("test");
  std::atomic<int> started = 0;
  auto result = parallel_for(ctx, 1000, 1, [&](const Context&, std::size_t i) -> Result<void> {
    ++started;
    if (i == 3) return make_error(Code::kUnavailable, "no");
    return {};
  });
  EXPECT_TRUE(result.failed_with(Code::kUnavailable));
  EXPECT_EQ(started, 4);
}

TEST(ParallelFor, the_first_error_stops_those_that_run) {
  auto ctx = Context::root("test");
  auto result = parallel_for(ctx, 2, 2, [&](const Context& each, std::size_t i) -> Result<void> {
    if (i == 1) return make_error(Code::kUnavailable, "no");
    return each.sleep(std::chrono::minutes(1));
  });
  EXPECT_TRUE(result.failed_with(Code::kUnavailable));
}

TEST(ParallelFor, a_stop_of_the_caller_reaches_those_that_run) {
  std::stop_source stop;
  auto result =
      parallel_for(Context::root("test", stop.get_token()), 2, 2, [&](const Context& each, std::size_t i) -> Result<void> {
        if (i == 1) stop.request_stop();
        return each.sleep(std::chrono::minutes(1));
      });
  EXPECT_TRUE(result.failed_with(Code::kCancelled));
}

TEST(Clock, a_time_that_no_wall_clock_holds_is_the_nearest_that_it_does) {
  EXPECT_EQ(wall_time(1'700'000'000), std::chrono::system_clock::from_time_t(1'700'000'000));
  EXPECT_EQ(wall_time(-1), WallTime());
  EXPECT_GT(wall_time(253'402'300'799), wall_time(9'000'000'000));  // the year 9999
  EXPECT_EQ(wall_time(std::numeric_limits<std::int64_t>::max()), wall_time(253'402'300'799));
}

TEST(Guarded, wait_sees_a_change_from_another_thread) {
  Guarded<int> value(0);
  std::jthread setter([&] {
    auto handle = value.lock();
    *handle = 1;
    handle.notify_all();
  });
  auto handle = value.lock();
  EXPECT_TRUE(handle.wait(Context::root("test"), [&] { return *handle == 1; }));
}

}  // namespace
}  // namespace zeropull
