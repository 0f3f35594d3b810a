#include "control/router/router.h"

#include <latch>
#include <thread>

#include "control/router/log.h"
#include "control/router/worker.h"

namespace zeropull::router {

namespace {

class ThreadedRouter final : public Router {
 public:
  ThreadedRouter(RouterOptions options, RouterParts parts) : shared_(std::move(options), std::move(parts)) {}
  ~ThreadedRouter() override { stop(std::chrono::seconds(5)); }

  Result<void> start();
  std::uint16_t port() const override { return listener_->port(); }
  std::string url() const override;
  Result<void> apply(const RoutingTable& table) override;
  std::uint64_t in_flight(std::string_view copy_id) const override;
  RouterStats stats() const override;
  void stop(Duration grace) override;

 private:
  // Runs `job` on every I/O thread and waits for it.
  void on_every_worker(const std::function<void(Worker&)>& job);

  mutable Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Listener> listener_;
  Guarded<bool> running_{false};  // held by apply() and stop(): one at a time
  std::vector<std::jthread> threads_;
};

Result<void> ThreadedRouter::start() {
  const auto& options = shared_.options;
  shared_.api_workers = std::make_unique<ThreadPool>(ThreadPoolOptions{"router-api", options.api_workers, options.api_queue_max});
  shared_.kick_holders = [this](const ComponentState* component) {
    for (auto& worker : workers_) {
      worker->loop->post([to = worker.get(), component] { to->held.retry(component); });
    }
  };
  auto empty = TRY(Routes::create({}, shared_.registry));
  std::vector<Loop*> loops;
  std::vector<Listener::Accepted> accepted;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options.io_threads); ++i) {
    auto& worker = *workers_.emplace_back(std::make_unique<Worker>(shared_));
    worker.routes = empty;
    worker.start();
    loops.push_back(worker.loop.get());
    accepted.push_back([&worker](std::unique_ptr<Stream> stream) { worker.accept(std::move(stream)); });
  }
  listener_ = TRY(Listener::create({options.address, options.port, options.certificate_file, options.key_file}, loops));
  for (auto& worker : workers_) threads_.emplace_back([loop = worker->loop.get()] { loop->run(); });
  listener_->start(std::move(accepted));
  *running_.lock() = true;
  return {};
}

std::string ThreadedRouter::url() const {
  const auto& options = shared_.options;
  const std::string host = options.address.contains(':') ? "[" + options.address + "]" : options.address;
  return fmt::format("{}://{}:{}", options.certificate_file.empty() ? "http" : "https", host, port());
}

void ThreadedRouter::on_every_worker(const std::function<void(Worker&)>& job) {
  std::latch done(static_cast<std::ptrdiff_t>(workers_.size()));
  for (auto& worker : workers_) {
    worker->loop->post([&, to = worker.get()] {
      job(*to);
      done.count_down();
    });
  }
  done.wait();
}

Result<void> ThreadedRouter::apply(const RoutingTable& table) {
  auto running = running_.lock();
  if (!*running) return make_error(Code::kFailedPrecondition, "the router is stopped");
  auto routes = TRY(Routes::create(table, shared_.registry).with_context("routing table"));
  on_every_worker([&](Worker& worker) { worker.set_routes(routes); });
  for (const auto& copy : shared_.registry.set_members(routes->component_uids(), routes->copy_ids())) {
    if (shared_.parts.observer != nullptr) shared_.parts.observer->on_drained(copy->id);
  }
  return {};
}

std::uint64_t ThreadedRouter::in_flight(std::string_view copy_id) const {
  const auto copy = shared_.registry.find_copy(copy_id);
  return copy ? copy->traffic.in_flight() : 0;
}

RouterStats ThreadedRouter::stats() const {
  RouterStats stats;
  stats.time = shared_.parts.clock->steady_now();
  shared_.registry.read(stats);
  stats.connections = shared_.connections.lock()->open;
  stats.buffered_bytes = shared_.budget.used();
  return stats;
}

void ThreadedRouter::stop(Duration grace) {
  auto running = running_.lock();
  if (!std::exchange(*running, false)) return;
  listener_->stop();
  on_every_worker([](Worker& worker) { worker.wind_down(); });
  {
    auto connections = shared_.connections.lock();
    const auto none_left = [&] { return connections->open == 0; };
    if (!connections.wait(Context::root("stop").with_timeout(grace), none_left))
      LOG_INFO(kLog, "{} connections are cut off after {} ms", connections->open,
               std::chrono::duration_cast<std::chrono::milliseconds>(grace).count());
  }
  shared_.stop.request_stop();
  shared_.api_workers->stop();
  for (auto& worker : workers_) worker->loop->stop();
  threads_.clear();
  for (auto& worker : workers_) worker->close_all();
}

}  // namespace

Result<std::unique_ptr<Router>> Router::create(RouterOptions options, RouterParts parts) {
  auto router = std::make_unique<ThreadedRouter>(std::move(options), std::move(parts));
  TRY(router->start());
  return std::unique_ptr<Router>(std::move(router));
}

}  // namespace zeropull::router
