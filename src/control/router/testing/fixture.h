// RouterFixture: a router of account 111122223333 with a clock that the test moves, and an observer that keeps what it hears.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/guarded.h"
#include "control/router/router.h"
#include "control/router/testing/loopback.h"

namespace zeropull::router {

inline constexpr const char* kAccount = "111122223333";

class RouterFixture : public ::testing::Test, public RouterObserver {
 protected:
  void on_demand(const std::string& component_uid) override { note("demand " + component_uid); }
  void on_drained(const std::string& copy_id) override { note("drained " + copy_id); }

  void start(RouterOptions options = {}, Authenticate authenticate = {}, ApiHandler api = {}) {
    options.tick = std::chrono::milliseconds(2);
    router = MUST(Router::create(std::move(options), {.authenticate = std::move(authenticate),
                                                      .api = std::move(api),
                                                      .observer = this,
                                                      .clock = &clock,
                                                      .anonymous_account = kAccount}));
  }
  void TearDown() override {
    if (router) router->stop(Duration::zero());
  }

  Target target(const std::string& copy, const std::string& address) const {
    return {.copy_id = copy, .address = address, .ready_since = clock.wall_now() - std::chrono::hours(1)};
  }
  // Endpoint "llm" with the component "qwen" in the variant "main".
  EndpointRoute components(std::vector<Target> targets, HoldPolicy hold = {}) const {
    ComponentRoute component{.name = "qwen", .uid = "u-qwen", .hold = hold, .targets = std::move(targets)};
    VariantRoute variant{.name = "main", .strategy = Strategy::kLeastOutstanding, .components = {component}};
    return {.account = kAccount, .name = "llm", .variants = {variant}};
  }
  void apply(EndpointRoute endpoint) { MUST(router->apply({{std::move(endpoint)}})); }

  RawClient client() const { return RawClient(router->port()); }
  // One call of component "qwen" on a connection of its own.
  RawAnswer call(std::string_view body = "hi", std::string_view fields = "") const {
    auto one = client();
    one.send(request(body, fields));
    return one.read_answer();
  }
  static std::string request(std::string_view body = "hi", std::string_view fields = "", bool stream = false) {
    return invocation(body, "X-Amzn-SageMaker-Inference-Component: qwen\r\n" + std::string(fields),
                      stream ? "/endpoints/llm/invocations-response-stream" : "/endpoints/llm/invocations");
  }

  TrafficStats traffic() const {
    for (const auto& component : router->stats().components) {
      if (component.uid == "u-qwen") return component.traffic;
    }
    return {};
  }
  // Polls what no event tells.
  static bool eventually(const std::function<bool()>& holds) {
    const auto ctx = Context::root("test").with_timeout(kTestPatience);
    while (!holds()) {
      if (!ctx.sleep(std::chrono::milliseconds(1))) return false;
    }
    return true;
  }
  bool heard(const std::string& what) {
    auto notes = notes_.lock();
    return notes.wait(Context::root("test").with_timeout(kTestPatience),
                      [&] { return std::ranges::find(*notes, what) != notes->end(); });
  }
  std::size_t times_heard(const std::string& what) {
    auto notes = notes_.lock();
    return static_cast<std::size_t>(std::ranges::count(*notes, what));
  }

  FakeClock clock;
  std::unique_ptr<Router> router;

 private:
  void note(std::string what) {
    auto notes = notes_.lock();
    notes->push_back(std::move(what));
    notes.notify_all();
  }
  Guarded<std::vector<std::string>> notes_;
};

// A container that answers "<name>:<body>".
inline FakeContainer::Script echo(std::string name) {
  return [name](Exchange& exchange) { exchange.answer(name + ":" + exchange.body, "Content-Type: text/plain\r\n"); };
}

}  // namespace zeropull::router
