// CopyProbe: asks a copy whether it serves, from the instance's side: the container contract's GET /ping on port 8080, and the
// request that warms it up. Blocking, thread-safe.
#pragma once

#include <memory>
#include <string>

#include "agent/desired_state.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::agent {

class CopyProbe {
 public:
  static Result<std::unique_ptr<CopyProbe>> create();
  virtual ~CopyProbe() = default;
  // `address` is the copy's own. Success is a 200. kFailedPrecondition: it answered otherwise, so its port is open; kUnavailable
  // and kDeadlineExceeded: no answer.
  virtual Result<void> ping(const Context& ctx, const std::string& address) = 0;
  // Success is a 2xx.
  virtual Result<void> warm_up(const Context& ctx, const std::string& address, const Probe& probe) = 0;
};

}  // namespace zeropull::agent
