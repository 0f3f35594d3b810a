#include "base/executor.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <optional>

namespace zeropull {

ThreadPool::ThreadPool(ThreadPoolOptions options) : options_(std::move(options)) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

ThreadPool::~ThreadPool() { stop(); }

Result<void> ThreadPool::post(Job job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return make_error(Code::kFailedPrecondition, "pool {} is stopped", options_.name);
  if (queue_.size() >= options_.queue_max) return make_error(Code::kResourceExhausted, "pool {}: queue is full", options_.name);
  queue_.push_back(std::move(job));
  changed_.notify_one();
  return {};
}

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void ThreadPool::run() {
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

Result<void> parallel_for(const Context& ctx, std::size_t count, std::size_t threads,
                          const std::function<Result<void>(const Context&, std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::stop_source stop;  // the caller's stop, or the first failure
  std::stop_callback forward(ctx.stop(), [&] { stop.request_stop(); });
  const Context each = ctx.with_stop(stop.get_token());
  std::mutex mutex;
  std::optional<Error> first_error;  // guarded by mutex
  auto loop = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      Result<void> result = each.check();
      if (result.ok()) result = work(each, i);
      if (!result.ok()) {
        std::lock_guard lock(mutex);
        if (!first_error) first_error.emplace(std::move(result).take_error());
        stop.request_stop();
        return;
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(loop);
    loop();
  }
  if (first_error) return std::move(*first_error);
  return {};
}

}  // namespace zeropull
