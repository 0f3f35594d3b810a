// The API alone, for tests/api_suite.sh: a state in a folder, the Api behind an HttpServer, and in place of the fleet a thread
// that moves every object at once to where it is wanted, but those whose name begins with "stuck".
//   api_server FOLDER    prints one line of JSON: {"url": .., "keys": [{"account", "id", "secret"}, ..]}, and serves until it is
//   killed
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "codec/json.h"
#include "control/api/api.h"
#include "control/api/authenticator.h"
#include "control/state/sqlite_kv.h"
#include "control/state/state.h"

namespace {

using namespace zeropull;

bool stuck(const std::string& name) { return name.starts_with("stuck"); }

// One step of every object that is on its way; empty when none is.
state::Changes next_steps(const state::View& view) {
  state::Changes changes;
  for (const auto& endpoint : view.endpoints()) {
    auto components = view.components_of_endpoint(endpoint->uid);
    for (const auto& component : components) {
      if (component->status == state::ComponentStatus::kDeleting) {
        changes.remove(component);
      } else if (component->status != state::ComponentStatus::kInService && !stuck(component->name)) {
        state::Component next = *component;
        next.status = state::ComponentStatus::kInService;
        changes.put(component, std::move(next));
      }
    }
    if (endpoint->status == state::EndpointStatus::kDeleting) {
      if (components.empty()) changes.remove(endpoint);
    } else if (endpoint->status != state::EndpointStatus::kInService && !stuck(endpoint->name)) {
      state::Endpoint next = *endpoint;
      next.status = state::EndpointStatus::kInService;
      if (next.pending) {
        next.variants = *std::exchange(next.pending, std::nullopt);
        next.config_name = std::exchange(next.pending_config_name, "");
        next.config_body = std::exchange(next.pending_config_body, "");
        next.metrics = std::exchange(next.pending_metrics, {});
      }
      changes.put(endpoint, std::move(next));
    }
  }
  return changes;
}

class Mover {
 public:
  explicit Mover(state::State& state) : state_(state) {
    subscription_ = state.subscribe([this](const std::vector<state::Changed>&) {
      std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    });
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, stop, [this] { return woken_; });
          woken_ = false;
        }
        auto done = state_.update(Context::root("mover"),
                                  [](const state::View& view) -> Result<state::Changes> { return next_steps(view); });
        MUST(std::move(done));
      }
    });
  }

 private:
  state::State& state_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::unique_ptr<state::State::Subscription> subscription_;
  std::jthread thread_;
};

nlohmann::json add_key(state::State& state, const std::string& account) {
  state::AccessKey key;
  key.id = "AKIA" + account, key.account = account, key.wrapped_secret = "secret-of-" + account;
  state::Changes changes;
  changes.add(key);
  MUST(state.commit(Context::root("key"), std::move(changes)));
  return {{"account", account}, {"id", key.id}, {"secret", key.wrapped_secret}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto ctx = Context::root("api_server");
  auto state = MUST(state::State::create(ctx, MUST(state::open_sqlite_kv(std::string(argv[1]) + "/state"))));
  auto series = MUST(series::Store::open({.path = std::string(argv[1]) + "/series"}, Clock::system()));
  auto types = fleet::InstanceTypes::defaults();
  api::Authenticator authenticator(
      *state, [](const state::AccessKey& key) -> Result<Secret> { return Secret(key.wrapped_secret); }, Clock::system());
  api::Api api({.state = state.get(),
                .authenticator = &authenticator,
                .instance_types = &types,
                .series = series.get(),
                .make_endpoint_key = [](const std::string&) -> Result<std::string> { return std::string("wrapped"); },
                .read_log = {}});
  Mover mover(*state);
  auto server = MUST(http::HttpServer::create(
      {.name = "api"}, [&](const Context& call, const http::ServerRequest& request) { return api.handle(call, request); }));
  nlohmann::json told{{"url", server->url()}, {"keys", {add_key(*state, "111122223333"), add_key(*state, "444455556666")}}};
  fmt::print("{}\n", codec::json_text(told));
  fflush(stdout);
  while (true) pause();
}
