// MemoryBudget: what several jobs may take of memory together. A job takes its share before it begins, waits until so much is
// free, and gives it back with the lease. Nothing is allocated here: the budget counts what its users say. Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/guarded.h"

namespace zeropull::artifact {

class MemoryBudget {
 public:
  class Lease {
   public:
    Lease(Lease&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (budget_ != nullptr) budget_->give_back(bytes_);
    }

   private:
    friend class MemoryBudget;
    Lease(MemoryBudget* budget, std::uint64_t bytes) : budget_(budget), bytes_(bytes) {}
    MemoryBudget* budget_;
    std::uint64_t bytes_;
  };

  explicit MemoryBudget(std::uint64_t bytes) : bytes_(bytes) {}

  // Who wants more than there is gets all of it, alone. Never take a second share while one is held: two who do wait for ever.
  Result<Lease> take(const Context& ctx, std::uint64_t bytes) {
    bytes = std::min(bytes, bytes_);
    auto state = state_.lock();
    if (!state.wait(ctx, [&] { return bytes <= bytes_ - state->taken; })) {
      TRY(ctx.check());
      return make_error(Code::kDeadlineExceeded, "no memory became free in time");
    }
    state->taken += bytes;
    state->peak = std::max(state->peak, state->taken);
    return Lease(this, bytes);
  }
  std::uint64_t peak() const { return state_.lock()->peak; }  // the most that was taken at once

 private:
  void give_back(std::uint64_t bytes) {
    auto state = state_.lock();
    state->taken -= bytes;
    state.notify_all();
  }

  struct State {
    std::uint64_t taken = 0;
    std::uint64_t peak = 0;
  };
  const std::uint64_t bytes_;
  mutable Guarded<State> state_;
};

}  // namespace zeropull::artifact
