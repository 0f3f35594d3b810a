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

// Tells the waiter that the command is done, at once: a command of milliseconds must not wait for a waiter that looks up now and
// then.
int done_signal() { return SIGRTMIN; }

}  // namespace

Interrupt::Interrupt() {
  sigset_t set = ending_signals();
  sigaddset(&set, done_signal());
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this, set] {
    int signal = 0;
    while (sigwait(&set, &signal) == 0 && signal != done_signal()) {
      stop_.request_stop();
      sigset_t ending = ending_signals();
      pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);  // this thread alone: the next signal ends the process
    }
  });
}

Interrupt::~Interrupt() { pthread_kill(waiter_.native_handle(), done_signal()); }

void Interrupt::wait() const {
  auto ctx = Context::root("wait", token(), std::chrono::hours(24 * 365 * 10));
  (void)ctx.sleep(std::chrono::hours(24 * 365 * 10));
}

}  // namespace zeropull::cli
