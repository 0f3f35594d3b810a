#include "cli/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"

namespace zeropull::cli {
namespace {

TEST(Interrupt, ends_at_once_with_its_command) {
  constexpr int kCommands = 100;  // a waiter that only looks up now and then would take its pause each time
  const auto began = Clock::system().steady_now();
  for (int i = 0; i < kCommands; ++i) Interrupt interrupt;
  EXPECT_LT(Clock::system().steady_now() - began, std::chrono::seconds(2));
}

TEST(Interrupt, stops_the_command_when_a_signal_comes) {
  Interrupt interrupt;
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  interrupt.wait();
  EXPECT_TRUE(interrupt.token().stop_requested());
}

TEST(InterruptDeathTest, ends_the_process_at_the_second_signal) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto twice = [] {
    Interrupt interrupt;
    kill(getpid(), SIGTERM);
    interrupt.wait();
    kill(getpid(), SIGTERM);
    pause();
  };
  EXPECT_EXIT(twice(), testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace zeropull::cli
