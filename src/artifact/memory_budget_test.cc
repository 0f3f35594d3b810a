#include "artifact/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/executor.h"

namespace zeropull::artifact {
namespace {

const Context kContext = Context::root("test", {}, std::chrono::seconds(30));

TEST(MemoryBudget, many_jobs_never_hold_more_than_it_and_all_get_their_turn) {
  MemoryBudget budget(100);
  std::atomic<std::uint64_t> held = 0;
  std::atomic<std::uint64_t> most = 0;
  std::atomic<int> done = 0;
  MUST(parallel_for(kContext, 400, 16, [&](const Context& ctx, std::size_t i) -> Result<void> {
    const std::uint64_t share = 10 + i % 60;
    auto lease = TRY(budget.take(ctx, share));
    const auto now = held += share;
    for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    held -= share;
    ++done;
    return {};
  }));
  EXPECT_EQ(done, 400);
  EXPECT_LE(most, 100u);
  EXPECT_LE(budget.peak(), 100u);
  EXPECT_GE(budget.peak(), 60u);
}

TEST(MemoryBudget, who_wants_more_than_there_is_gets_all_of_it) {
  MemoryBudget budget(100);
  const auto late = kContext.with_timeout(std::chrono::milliseconds(1));
  {
    auto all = MUST(budget.take(kContext, 1000));
    EXPECT_TRUE(budget.take(late, 1).failed_with(Code::kDeadlineExceeded));
  }
  auto some = MUST(budget.take(kContext, 1));
  EXPECT_TRUE(budget.take(late, 1000).failed_with(Code::kDeadlineExceeded));
  EXPECT_TRUE(budget.take(late, 99).ok());
}

TEST(MemoryBudget, a_stop_ends_the_wait) {
  MemoryBudget budget(1);
  auto all = MUST(budget.take(kContext, 1));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(budget.take(kContext.with_stop(stop.get_token()), 1).failed_with(Code::kCancelled));
}

}  // namespace
}  // namespace zeropull::artifact
