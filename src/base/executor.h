// Executor: where work runs. The product's is ThreadPool, fixed threads and a bounded queue; the tests' is testing's
// ManualExecutor, which runs queued jobs one by one. Never post from a job of the same bounded pool and wait for it: with a
// full queue that deadlocks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace zeropull {

using Job = std::move_only_function<void()>;

class Executor {
 public:
  virtual ~Executor() = default;
  // kResourceExhausted when the queue is full, kFailedPrecondition after stop(). Thread-safe.
  virtual Result<void> post(Job job) = 0;
};

struct ThreadPoolOptions {
  std::string name;  // shown as the threads' name, at most 15 characters
  std::size_t threads = 1;
  std::size_t queue_max = 1024;
};

class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(ThreadPoolOptions options);
  ~ThreadPool() override;  // stop()
  Result<void> post(Job job) override;
  // Refuses new jobs, runs what is queued, joins. Idempotent.
  void stop();

 private:
  void run();
  const ThreadPoolOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::jthread> threads_;
};

// Runs work(0..count-1) on up to `threads` threads of its own and waits for all; the first error is
// returned, keeps the rest from starting and stops the context of those that run. For bounded fan-out inside one blocking call
// (fetching layers, hashing frames).
Result<void> parallel_for(const Context& ctx, std::size_t count, std::size_t threads,
                          const std::function<Result<void>(const Context&, std::size_t)>& work);

}  // namespace zeropull
