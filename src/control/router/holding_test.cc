// Who gets which copy: holding, draining, ramp-up, sessions, variants and weights.
#include <latch>
#include <map>

#include "control/router/testing/fixture.h"

namespace zeropull::router {
namespace {

class HoldingTest : public RouterFixture {
 protected:
  // A container that answers "late" when `release` is counted down.
  static FakeContainer::Script wait_for(std::latch& release) {
    return [&release](Exchange& exchange) {
      release.wait();
      exchange.answer("late");
    };
  }
  bool held(std::uint64_t count) {
    return eventually([&] { return traffic().held == count; });
  }
};
using std::chrono::minutes;
using std::chrono::seconds;
constexpr std::string_view kNoCapacity = "Inference Component has no capacity to process this request.";

TEST_F(HoldingTest, a_request_without_a_copy_waits_and_is_told_at_once) {
  FakeContainer container(echo("c1"));
  start();
  apply(components({}));
  auto first = client();
  auto second = client();
  first.send(request("a"));
  EXPECT_TRUE(heard("demand u-qwen"));
  second.send(request("b"));
  ASSERT_TRUE(held(2));
  EXPECT_EQ(traffic().arrivals, 2u);
  EXPECT_EQ(traffic().in_flight, 2u);
  EXPECT_EQ(traffic().without_copies, 2u);
  EXPECT_EQ(times_heard("demand u-qwen"), 2u);
  apply(components({target("c1", container.address())}));
  EXPECT_EQ(first.read_answer().body, "c1:a");
  EXPECT_EQ(second.read_answer().body, "c1:b");
  EXPECT_EQ(traffic().held, 0u);
  EXPECT_EQ(traffic().waited, 2u);
  first.send(request("c"));
  EXPECT_EQ(first.read_answer().body, "c1:c");
  EXPECT_EQ(traffic().waited, 2u) << "a copy had room";
}

TEST_F(HoldingTest, a_held_request_ends_at_its_deadline_with_the_apis_text) {
  start();
  apply(components({}, {.time_max = minutes(2)}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(held(1));
  clock.advance(minutes(2));
  auto answer = one.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.fields["x-amzn-errortype"], "ValidationError");
  EXPECT_TRUE(answer.body.contains(kNoCapacity));
  EXPECT_EQ(traffic().completed_as(Outcome::kClientError), 1u);
}

TEST_F(HoldingTest, without_holding_the_error_comes_at_once) {
  start();
  apply(components({}, {.enabled = false}));
  auto answer = call();
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.body.contains(kNoCapacity));
  EXPECT_TRUE(answer.body.contains("UpdateInferenceComponentRuntimeConfig API."));
  EXPECT_EQ(times_heard("demand u-qwen"), 0u);
  EXPECT_EQ(traffic().without_copies, 1u);
}

TEST_F(HoldingTest, requests_and_bytes_that_wait_are_bounded) {
  start();
  apply(components({}, {.requests_max = 2, .bytes_max = 100}));
  auto first = client();
  first.send(request(std::string(60, 'b')));
  ASSERT_TRUE(held(1));
  EXPECT_EQ(call(std::string(60, 'b')).status, 503);
  auto second = client();
  second.send(request());
  ASSERT_TRUE(held(2));
  EXPECT_EQ(call().status, 503);
  EXPECT_EQ(traffic().held, 2u);
}

TEST_F(HoldingTest, a_caller_that_leaves_no_longer_waits) {
  start();
  apply(components({}, {.requests_max = 1}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(held(1));
  one.close();
  EXPECT_TRUE(held(0));
  EXPECT_EQ(traffic().in_flight, 0u);
}

TEST_F(HoldingTest, a_component_that_is_deleted_answers_who_waits_for_it) {
  start();
  apply(components({}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(held(1));
  MUST(router->apply({}));
  EXPECT_TRUE(one.read_answer().body.contains("NO_SUCH_ENDPOINT"));
  EXPECT_EQ(router->stats().components.size(), 0u);
}

TEST_F(HoldingTest, stop_answers_who_waits) {
  start();
  apply(components({}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(held(1));
  router->stop(kTestPatience);
  EXPECT_EQ(one.read_answer().status, 503);
}

TEST_F(HoldingTest, a_request_waits_when_the_only_copy_refuses_and_goes_when_it_is_back) {
  const auto nowhere = refused_address();
  FakeContainer container(echo("back"));
  start();
  apply(components({target("c1", nowhere)}));
  auto one = client();
  one.send(request("x"));
  ASSERT_TRUE(held(1));
  apply(components({target("c2", container.address())}));
  EXPECT_EQ(one.read_answer().body, "back:x");
}

TEST_F(HoldingTest, full_copies_let_requests_wait_their_turn) {
  std::latch release(1);
  FakeContainer container(wait_for(release));
  start();
  auto full = target("c1", container.address());
  full.concurrency_max = 2;
  apply(components({full}));
  std::vector<RawClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(client());
    clients.back().send(request());
  }
  ASSERT_TRUE(held(3));
  EXPECT_EQ(router->in_flight("c1"), 2u);
  release.count_down();
  for (auto& one : clients) EXPECT_EQ(one.read_answer().body, "late");
  EXPECT_EQ(container.requests(), 5);
}

TEST_F(HoldingTest, a_copy_that_left_the_table_gets_nothing_new_and_is_drained_when_empty) {
  std::latch release(1);
  FakeContainer leaving(wait_for(release));
  FakeContainer staying(echo("c2"));
  start();
  apply(components({target("c1", leaving.address())}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(eventually([&] { return router->in_flight("c1") == 1; }));
  apply(components({target("c2", staying.address())}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call("x").body, "c2:x");
  EXPECT_EQ(router->in_flight("c1"), 1u);
  EXPECT_EQ(times_heard("drained c1"), 0u);
  release.count_down();
  EXPECT_EQ(one.read_answer().body, "late");
  EXPECT_TRUE(heard("drained c1"));
  apply(components({}));
  EXPECT_TRUE(heard("drained c2"));  // it was empty
  EXPECT_EQ(times_heard("drained c1"), 1u);
}

TEST_F(HoldingTest, the_copy_with_the_fewest_requests_is_next) {
  std::latch release(1);
  FakeContainer a(wait_for(release));
  FakeContainer b(wait_for(release));
  start();
  apply(components({target("a", a.address()), target("b", b.address())}));
  std::vector<RawClient> clients;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    clients.push_back(client());
    clients.back().send(request());
    ASSERT_TRUE(eventually([&] { return router->in_flight("a") + router->in_flight("b") == i; }));
  }
  EXPECT_EQ(router->in_flight("a"), 5u);
  EXPECT_EQ(router->in_flight("b"), 5u);
  release.count_down();
}

TEST_F(HoldingTest, a_new_copys_share_grows) {
  std::latch release(1);
  FakeContainer old(wait_for(release));
  FakeContainer fresh(wait_for(release));
  start({.slow_start = seconds(100)});
  auto young = target("fresh", fresh.address());
  young.ready_since = clock.wall_now();
  auto endpoint = components({target("old", old.address()), young});
  endpoint.model_timeout = minutes(10);
  apply(endpoint);
  std::vector<RawClient> clients;
  const auto send_up_to = [&](std::size_t count) {
    while (clients.size() < count) {
      clients.push_back(client());
      clients.back().send(request());
      ASSERT_TRUE(eventually([&] { return router->in_flight("old") + router->in_flight("fresh") == clients.size(); }));
    }
  };
  send_up_to(11);
  EXPECT_LE(router->in_flight("fresh"), 1u);
  clock.advance(seconds(50));
  send_up_to(20);
  EXPECT_GE(router->in_flight("fresh"), 6u);  // half of the other's: (n+1)/0.5 against (20-n+1)
  EXPECT_LE(router->in_flight("fresh"), 7u);
  clock.advance(seconds(50));
  send_up_to(30);
  EXPECT_EQ(router->in_flight("fresh"), 15u);
  release.count_down();
}

TEST_F(HoldingTest, a_new_session_stays_with_its_copy_until_it_ends) {
  FakeContainer a(echo("a"));
  FakeContainer b(echo("b"));
  start({.session_time = minutes(20)});
  apply(components({target("a", a.address()), target("b", b.address())}));
  auto answer = call("x", "X-Amzn-SageMaker-Session-Id: NEW_SESSION\r\n");
  const std::string grant = answer.fields["x-amzn-sagemaker-new-session-id"];
  ASSERT_TRUE(grant.contains("; Expires=2026-06-"));
  const std::string field = "X-Amzn-SageMaker-Session-Id: " + grant.substr(0, grant.find(';')) + "\r\n";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call("x", field).body, answer.body);
  apply(components({target(answer.body == "a:x" ? "b" : "a", answer.body == "a:x" ? b.address() : a.address())}));
  EXPECT_EQ(call("x", field).status, 400);  // its copy has gone
  apply(components({target("a", a.address()), target("b", b.address())}));
  EXPECT_EQ(call("x", field).body, answer.body);
  clock.advance(minutes(21));
  auto ended = call("x", field);
  EXPECT_EQ(ended.status, 400);
  EXPECT_TRUE(ended.body.contains("does not exist or has ended"));
}

TEST_F(HoldingTest, a_container_may_name_and_close_its_sessions) {
  FakeContainer a([](Exchange& exchange) {
    const bool fresh = exchange.head.contains("NEW_SESSION");
    exchange.answer("a", fresh ? "X-Amzn-SageMaker-New-Session-Id: s1; Expires=2027-01-01T00:00:00Z\r\n"
                               : "X-Amzn-SageMaker-Closed-Session-Id: s1\r\n");
  });
  start();
  apply(components({target("a", a.address())}));
  auto answer = call("x", "X-Amzn-SageMaker-Session-Id: NEW_SESSION\r\n");
  EXPECT_EQ(answer.fields["x-amzn-sagemaker-new-session-id"], "s1; Expires=2027-01-01T00:00:00Z");
  answer = call("x", "X-Amzn-SageMaker-Session-Id: s1\r\n");
  EXPECT_EQ(answer.fields["x-amzn-sagemaker-closed-session-id"], "s1");
  EXPECT_EQ(call("x", "X-Amzn-SageMaker-Session-Id: s1\r\n").status, 400);
}

TEST_F(HoldingTest, variants_get_their_weights_share_or_who_names_them) {
  FakeContainer a(echo("a"));
  FakeContainer b(echo("b"));
  start();
  EndpointRoute endpoint{.account = kAccount, .name = "llm", .kind = EndpointKind::kModels};
  const auto variant = [&](const std::string& name, double weight, const FakeContainer& container) {
    return VariantRoute{.name = name,
                        .weight = weight,
                        .components = {{.name = name, .uid = "u-" + name, .targets = {target(name, container.address())}}}};
  };
  endpoint.variants = {variant("a", 3, a), variant("b", 1, b), variant("c", 0, b)};
  apply(endpoint);
  std::map<std::string, int> counts;
  auto one = client();
  for (int i = 0; i < 1000; ++i) {
    one.send(invocation(""));
    auto answer = one.read_answer();
    EXPECT_EQ(answer.body, answer.fields["x-amzn-invoked-production-variant"] + ":");
    ++counts[answer.body];
  }
  EXPECT_NEAR(counts["a:"], 750, 75);
  EXPECT_EQ(counts["a:"] + counts["b:"], 1000);
  one.send(invocation("", "X-Amzn-SageMaker-Target-Variant: c\r\n"));
  EXPECT_EQ(one.read_answer().fields["x-amzn-invoked-production-variant"], "c");
}

TEST_F(HoldingTest, counters_tell_arrivals_outcomes_and_latency_of_component_and_copy) {
  FakeContainer container([&](Exchange& exchange) {
    clock.advance(std::chrono::milliseconds(40));
    exchange.answer("x", "", exchange.body == "bad" ? "500 No" : "200 OK");
  });
  start();
  apply(components({target("c1", container.address())}));
  EXPECT_EQ(call().status, 200);
  EXPECT_EQ(call("bad").status, 424);
  const auto stats = router->stats();
  ASSERT_EQ(stats.components.size(), 1u);
  ASSERT_EQ(stats.copies.size(), 1u);
  for (const auto& counted : {stats.components[0].traffic, stats.copies[0].traffic}) {
    EXPECT_EQ(counted.arrivals, 2u);
    EXPECT_EQ(counted.in_flight, 0u);
    EXPECT_EQ(counted.completed_as(Outcome::kSuccess), 1u);
    EXPECT_EQ(counted.completed_as(Outcome::kModelError), 1u);
    EXPECT_EQ(counted.latency_us_sum, 80'000u);
    EXPECT_EQ(counted.latency[5], 2u);  // up to 50 ms
  }
}

}  // namespace
}  // namespace zeropull::router
