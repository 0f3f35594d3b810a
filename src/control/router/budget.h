// Budget: bytes that all threads together may hold, and a Loan of it that gives back what it took.
#pragma once

#include <atomic>
#include <cstddef>

namespace zeropull::router {

class Budget {
 public:
  explicit Budget(std::size_t max) : max_(max) {}
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class Loan;
  const std::size_t max_;
  alignas(64) std::atomic<std::size_t> used_ = 0;
};

class Loan {
 public:
  explicit Loan(Budget& budget) : budget_(budget) {}
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() { give_back(); }

  // False, and nothing is taken, where the budget has not so much left.
  bool take(std::size_t bytes) {
    if (budget_.used_.fetch_add(bytes, std::memory_order_relaxed) + bytes > budget_.max_) {
      budget_.used_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
    taken_ += bytes;
    return true;
  }
  void give_back() {
    if (taken_ > 0) budget_.used_.fetch_sub(taken_, std::memory_order_relaxed);
    taken_ = 0;
  }

 private:
  Budget& budget_;
  std::size_t taken_ = 0;
};

}  // namespace zeropull::router
