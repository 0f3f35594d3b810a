// Interrupt: SIGINT and SIGTERM as a stop token, so that a command ends in order: no partial artifact, mounts taken away. One may
// exist at a time, made before any other thread; a second signal ends the process at once.
#pragma once

#include <stop_token>
#include <thread>

#include "base/context.h"

namespace zeropull::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  std::stop_token token() const { return stop_.get_token(); }
  // A context for a whole command: ends by a signal, or after `timeout`.
  Context context(std::string_view command, Duration timeout = std::chrono::hours(24)) const {
    return Context::root(command, token(), timeout);
  }
  // Blocks until a signal came.
  void wait() const;

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace zeropull::cli
