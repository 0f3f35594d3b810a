// Guarded<T>: a mutex and the data that it guards in one, so that the data cannot be touched unlocked.
//
//   Guarded<std::map<..>> rows_;
//   auto rows = rows_.lock();     // a handle; unlocks at the end of scope
//   rows->emplace(..);
//
// wait() releases the lock while it waits, with a stop token and a deadline. Never hold two handles at once without an order.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/context.h"

namespace zeropull {

template <typename T>
class Guarded {
 public:
  class Handle {
   public:
    T* operator->() { return &owner_.value_; }
    T& operator*() { return owner_.value_; }
    // Waits until ready() holds; false when the context ended first.
    template <typename Ready>
    bool wait(const Context& ctx, Ready ready) {
      return owner_.changed_.wait_until(lock_, ctx.stop(), ctx.deadline(), ready);
    }
    void notify_all() { owner_.changed_.notify_all(); }

   private:
    friend class Guarded;
    explicit Handle(Guarded& owner) : owner_(owner), lock_(owner.mutex_) {}
    Guarded& owner_;
    std::unique_lock<std::mutex> lock_;
  };

  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  [[nodiscard]] Handle lock() { return Handle(*this); }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  T value_;
};

}  // namespace zeropull
