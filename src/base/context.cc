#include "base/context.h"

#include <algorithm>
#include <climits>
#include <condition_variable>
#include <mutex>

namespace zeropull {

Context Context::root(std::string_view trace_id, std::stop_token stop, Duration timeout) {
  return {Clock::system().steady_now() + timeout, std::move(stop), std::make_shared<const std::string>(trace_id)};
}

Context Context::with_timeout(Duration timeout) const {
  return {std::min(deadline_, Clock::system().steady_now() + timeout), stop_, trace_id_};
}

Context Context::with_stop(std::stop_token stop) const { return {deadline_, std::move(stop), trace_id_}; }

Duration Context::remaining() const { return std::max<Duration>(Duration::zero(), deadline_ - Clock::system().steady_now()); }

int Context::remaining_ms() const {
  auto ms = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
  return static_cast<int>(std::min<decltype(ms)>(ms, INT_MAX));
}

Result<void> Context::check() const {
  if (stop_.stop_requested()) return make_error(Code::kCancelled, "stopped");
  if (remaining() == Duration::zero()) return make_error(Code::kDeadlineExceeded, "deadline passed");
  return {};
}

Result<void> Context::sleep(Duration duration) const {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop_, std::min(duration, remaining()), [] { return false; });
  return check();
}

}  // namespace zeropull
