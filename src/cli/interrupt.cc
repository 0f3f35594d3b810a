#include "cli/interrupt.h"

#include <csignal>

namespace zeropull::cli {

namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this](const std::stop_token& ended) {
    sigset_t signals = ending_signals();
    timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    while (!ended.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &pause) < 0) continue;
      stop_.request_stop();
      pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // this thread alone: the next signal ends the process
    }
  });
}

Interrupt::~Interrupt() { waiter_.request_stop(); }

void Interrupt::wait() const {
  auto ctx = Context::root("wait", token(), std::chrono::hours(24 * 365 * 10));
  (void)ctx.sleep(std::chrono::hours(24 * 365 * 10));
}

}  // namespace zeropull::cli
