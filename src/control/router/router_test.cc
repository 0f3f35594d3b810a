// Calls: what reaches a container and a caller, who is refused and why, what a bad container gives.
#include "control/router/router.h"

#include <latch>

#include "control/router/testing/fixture.h"
#include "http/client.h"
#include "http/test_authority.h"

namespace zeropull::router {
namespace {

class RouterTest : public RouterFixture {};
using std::chrono::seconds;

TEST_F(RouterTest, a_call_reaches_the_container_and_its_answer_the_caller) {
  std::string seen;
  FakeContainer container([&](Exchange& exchange) {
    seen = exchange.head;
    exchange.answer("out", "Content-Type: text/csv\r\nX-Amzn-SageMaker-Custom-Attributes: b\r\nServer: x\r\n");
  });
  start();
  apply(components({target("c1", container.address())}));
  auto answer = call("in",
                     "Content-Type: application/json\r\nAccept: text/csv\r\nX-Amzn-SageMaker-Custom-Attributes: a\r\n"
                     "Authorization: secret\r\nCookie: c\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "out");
  EXPECT_EQ(answer.fields["content-type"], "text/csv");
  EXPECT_EQ(answer.fields["x-amzn-invoked-production-variant"], "main");
  EXPECT_EQ(answer.fields["x-amzn-sagemaker-custom-attributes"], "b");
  EXPECT_EQ(answer.fields["x-amzn-requestid"].size(), 36u);
  EXPECT_FALSE(answer.fields.contains("server"));
  EXPECT_TRUE(seen.starts_with("POST /invocations HTTP/1.1\r\n"));
  EXPECT_TRUE(seen.contains("Content-Type: application/json\r\n"));
  EXPECT_TRUE(seen.contains("Accept: text/csv\r\n"));
  EXPECT_TRUE(seen.contains("X-Amzn-SageMaker-Custom-Attributes: a\r\n"));
  EXPECT_FALSE(seen.contains("secret"));
  EXPECT_FALSE(seen.contains("Cookie"));
}

TEST_F(RouterTest, connections_are_kept_on_both_sides) {
  FakeContainer container(echo("c1"));
  start({.io_threads = 1});
  apply(components({target("c1", container.address())}));
  auto one = client();
  for (int i = 0; i < 5; ++i) {
    one.send(request(std::to_string(i)));
    EXPECT_EQ(one.read_answer().body, "c1:" + std::to_string(i));
  }
  EXPECT_EQ(container.connections(), 1);
}

TEST_F(RouterTest, a_connection_that_the_container_closes_or_leaves_idle_is_not_used_again) {
  FakeContainer container([](Exchange& exchange) {
    exchange.answer("x", exchange.body == "close" ? "Connection: close\r\n" : "");
    if (exchange.body == "idle") {
      EXPECT_TRUE(exchange.wait_for_close());
    }
  });
  start({.io_threads = 1});
  apply(components({target("c1", container.address())}));
  EXPECT_EQ(call("close").status, 200);
  EXPECT_EQ(call("idle").status, 200);
  EXPECT_EQ(container.connections(), 2);
  clock.advance(kUpstreamIdleTime);
  ASSERT_TRUE(eventually([&] { return call("next").status == 200 && container.connections() == 3; }));
}

TEST_F(RouterTest, serves_tls) {
  const auto folder = ::testing::TempDir();
  auto authority = MUST(http::TestAuthority::create(folder));
  const auto certificate = MUST(authority.issue("router", {"IP:127.0.0.1"}));
  FakeContainer container(echo("c1"));
  start({.certificate_file = certificate.certificate_file, .key_file = certificate.key_file});
  apply(components({target("c1", container.address())}));
  auto web = MUST(http::HttpClient::create({.ca_file = authority.ca_file()}));
  const auto ctx = Context::root("test").with_timeout(kTestPatience);
  const std::string body(300'000, 'b');
  for (int i = 0; i < 2; ++i) {
    auto answer = MUST(web->request(ctx, {.method = "POST",
                                          .url = MUST(http::Url::parse(router->url() + "/endpoints/llm/invocations")),
                                          .headers = {{"X-Amzn-SageMaker-Inference-Component", "qwen"}},
                                          .body = as_bytes(body)}));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "c1:" + body);
  }
}

TEST_F(RouterTest, requests_sent_ahead_are_answered_in_order) {
  FakeContainer container(echo("c1"));
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request("a") + request("b") + request("c"));
  EXPECT_EQ(one.read_answer().body, "c1:a");
  EXPECT_EQ(one.read_answer().body, "c1:b");
  EXPECT_EQ(one.read_answer().body, "c1:c");
}

TEST_F(RouterTest, what_names_no_copy_is_refused_in_the_words_that_clients_match) {
  start();
  EndpointRoute plain{.account = kAccount, .name = "plain", .kind = EndpointKind::kModels};
  plain.variants = {{.name = "v", .components = {{.name = "m", .uid = "u-m"}}}};
  MUST(router->apply({{components({}), plain}}));
  const auto refused = [&](const std::string& text) {
    auto one = client();
    one.send(text);
    auto answer = one.read_answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.fields["x-amzn-errortype"], "ValidationError");
    return answer.body;
  };
  EXPECT_TRUE(
      refused(invocation("", "", "/endpoints/LLM/invocations")).contains("Endpoint LLM of account 111122223333 not found."));
  EXPECT_TRUE(refused(invocation("", "", "/endpoints/LLM/invocations")).contains("NO_SUCH_ENDPOINT"));
  EXPECT_TRUE(refused(invocation("", "")).contains("Inference Component Name header is required"));
  EXPECT_TRUE(refused(invocation("", "X-Amzn-SageMaker-Inference-Component: x\r\n")).contains("x of endpoint llm not found"));
  EXPECT_TRUE(refused(invocation("", "X-Amzn-SageMaker-Inference-Component: x\r\n", "/endpoints/plain/invocations"))
                  .contains("Inference Component Name header is not allowed"));
  EXPECT_TRUE(refused(request("", "X-Amzn-SageMaker-Target-Variant: no\r\n")).contains("Variant no of endpoint llm"));
  EXPECT_TRUE(refused(request("", "X-Amzn-SageMaker-Target-Model: m\r\n")).contains("TargetModel is not supported"));
  EXPECT_TRUE(refused(request("", "X-Amzn-SageMaker-Inference-Id: " + std::string(65, 'i') + "\r\n")).contains("at most 64"));
  EXPECT_TRUE(refused("BAD\r\n\r\n").contains("no well-formed HTTP"));
}

TEST_F(RouterTest, the_signature_is_checked_before_a_container_hears_of_the_request) {
  FakeContainer container(echo("c1"));
  start({}, [](const SignedRequest& signed_request, std::string& account) -> std::optional<Refusal> {
    account = kAccount;
    if (signed_request.body_sha256 == nullptr) return std::nullopt;
    // SHA-256 of "good"
    if (signed_request.body_sha256->hex().starts_with("770e607624d689265ca6c44884d0807d")) return std::nullopt;
    return Refusal{403, "InvalidSignatureException", "bad signature"};
  });
  apply(components({target("c1", container.address())}));
  auto answer = call("evil");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.fields["x-amzn-errortype"], "InvalidSignatureException");
  EXPECT_TRUE(answer.body.contains("bad signature"));
  EXPECT_EQ(container.requests(), 0);
  EXPECT_EQ(call("good").status, 200);
}

TEST_F(RouterTest, headers_alone_can_refuse_a_body_that_has_not_come) {
  start({}, [](const SignedRequest&, std::string&) { return Refusal{403, "MissingAuthenticationTokenException", "none"}; });
  apply(components({}));
  auto one = client();
  one.send("POST /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(one.read_answer().status, 403);
}

TEST_F(RouterTest, an_account_does_not_find_anothers_endpoint) {
  start({}, [](const SignedRequest&, std::string& account) -> std::optional<Refusal> {
    account = "999900001111";
    return std::nullopt;
  });
  apply(components({}));
  EXPECT_TRUE(call().body.contains("Endpoint llm of account 999900001111 not found."));
}

TEST_F(RouterTest, a_containers_error_is_a_model_error_with_its_words) {
  FakeContainer container([](Exchange& exchange) {
    const bool caller = exchange.body == "4";
    exchange.answer("bo\"om\xff", "", caller ? "422 No" : "500 Oops");
  });
  start();
  apply(components({target("c1", container.address())}));
  auto answer = call();
  EXPECT_EQ(answer.status, 424);
  EXPECT_EQ(answer.fields["x-amzn-errortype"], "ModelError");
  EXPECT_TRUE(answer.body.contains(R"("OriginalStatusCode":500)"));
  EXPECT_TRUE(answer.body.contains(R"("OriginalMessage":"bo\"om)"));
  EXPECT_TRUE(answer.body.contains(R"(Received server error (500) from primary with message \"bo\"om)"));
  EXPECT_TRUE(answer.body.contains("arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/InferenceComponents/qwen"));
  EXPECT_TRUE(call("4").body.contains("Received client error (422)"));
  EXPECT_EQ(traffic().completed_as(Outcome::kModelError), 2u);
}

TEST_F(RouterTest, a_copy_that_dies_with_the_request_gives_a_model_error_and_the_next_goes_to_another) {
  FakeContainer dying([](Exchange& exchange) { exchange.shut(); });
  FakeContainer cut([](Exchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    exchange.shut();
  });
  FakeContainer noise([](Exchange& exchange) { exchange.send("no http at all\r\n\r\n"); });
  start();
  for (const auto* container : {&dying, &cut, &noise}) {
    apply(components({target("c1", container->address())}));
    auto answer = call();
    EXPECT_EQ(answer.status, 424);
    EXPECT_FALSE(answer.body.contains("half"));
    EXPECT_EQ(container->requests(), 1);  // never sent twice
  }
}

TEST_F(RouterTest, a_refused_connection_sends_the_request_to_another_copy) {
  FakeContainer container(echo("good"));
  start();
  apply(components({target("c1", refused_address()), target("c2", container.address()), target("c3", refused_address())}));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call("x").body, "good:x");
  for (const auto& copy : router->stats().copies) EXPECT_EQ(copy.traffic.in_flight, 0u);
}

TEST_F(RouterTest, a_stalled_container_meets_the_endpoints_time_limit) {
  FakeContainer container([](Exchange& exchange) { EXPECT_TRUE(exchange.wait_for_close()); });
  start();
  auto endpoint = components({target("c1", container.address())});
  endpoint.model_timeout = seconds(90);
  apply(endpoint);
  auto one = client();
  one.send(request());
  ASSERT_TRUE(eventually([&] { return container.requests() == 1; }));
  clock.advance(seconds(89));
  ASSERT_EQ(traffic().in_flight, 1u);
  clock.advance(seconds(1));
  auto answer = one.read_answer();
  EXPECT_EQ(answer.status, 424);
  EXPECT_TRUE(answer.body.contains("Your invocation timed out while waiting for a response from container primary."));
}

TEST_F(RouterTest, bodies_have_the_endpoints_limits) {
  FakeContainer container([](Exchange& exchange) {
    if (exchange.body == "endless") {
      exchange.send("HTTP/1.1 200 OK\r\n\r\n");
      exchange.send(std::string(5000, 'x'));
      EXPECT_TRUE(exchange.wait_for_close());
    } else {
      exchange.answer(std::string(exchange.body == "more" ? 1001 : 1000, 'x'));
    }
  });
  start();
  auto endpoint = components({target("c1", container.address())});
  endpoint.payload_max = endpoint.answer_max = 1000;
  apply(endpoint);
  EXPECT_EQ(call(std::string(1000, 'b')).status, 200);
  EXPECT_EQ(call(std::string(1001, 'b')).status, 413);
  EXPECT_EQ(call("more").status, 424);
  EXPECT_TRUE(call("endless").body.contains("larger than the endpoint's limit"));
  auto one = client();
  one.send("POST /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
           std::string(1024, 'b'));
  EXPECT_EQ(one.read_answer().status, 413);
}

TEST_F(RouterTest, a_chunked_request_arrives_whole) {
  FakeContainer container(echo("c1"));
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(
      "POST /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\nX-Amzn-SageMaker-Inference-Component: qwen\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(one.read_answer().body, "c1:abcde");
}

TEST_F(RouterTest, a_client_that_asks_is_told_to_continue) {
  FakeContainer container(echo("c1"));
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(
      "POST /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\nX-Amzn-SageMaker-Inference-Component: qwen\r\n"
      "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(one.read_answer().status, 100);
  one.send("ok");
  EXPECT_EQ(one.read_answer().body, "c1:ok");
}

TEST_F(RouterTest, slow_and_silent_clients_are_let_go) {
  start();
  auto silent = client();
  auto slow_head = client();
  slow_head.send("POST /endpoints/llm/invocations HTTP/1.1\r\nHo");
  auto slow_body = client();
  slow_body.send("POST /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\nContent-Length: 10\r\n\r\nab");
  ASSERT_TRUE(eventually([&] { return router->stats().buffered_bytes == 2; }));
  ASSERT_TRUE(eventually([&] { return router->stats().connections == 3; }));
  clock.advance(kClientPatience);
  EXPECT_TRUE(slow_head.ended());
  EXPECT_TRUE(slow_body.ended());
  ASSERT_TRUE(eventually([&] { return router->stats().connections == 1; }));
  EXPECT_EQ(router->stats().buffered_bytes, 0u);
  clock.advance(kClientIdleTime);
  EXPECT_TRUE(silent.ended());
}

TEST_F(RouterTest, connections_are_bounded_and_a_place_that_is_free_again_is_given) {
  FakeContainer container(echo("c1"));
  start({.connections_max = 2});
  apply(components({target("c1", container.address())}));
  auto first = client(), second = client();
  ASSERT_TRUE(eventually([&] { return router->stats().connections == 2; }));
  auto third = client();
  EXPECT_TRUE(third.ended());
  second.send(request());
  EXPECT_EQ(second.read_answer().status, 200);
  first.close();
  ASSERT_TRUE(eventually([&] { return router->stats().connections == 1; }));
  EXPECT_EQ(call().status, 200);
}

TEST_F(RouterTest, all_bodies_together_are_bounded) {
  std::latch release(1);
  FakeContainer container([&](Exchange& exchange) {
    release.wait();
    exchange.answer("ok");
  });
  start({.buffered_max = 1500});
  apply(components({target("c1", container.address())}));
  auto first = client();
  first.send(request(std::string(1000, 'b')));
  ASSERT_TRUE(eventually([&] { return container.requests() == 1; }));
  auto answer = call(std::string(1000, 'b'));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.fields["x-amzn-errortype"], "ServiceUnavailable");
  release.count_down();
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_TRUE(eventually([&] { return router->stats().buffered_bytes == 0; }));
}

TEST_F(RouterTest, a_caller_that_leaves_frees_the_copy) {
  std::latch closed(1);
  FakeContainer container([&](Exchange& exchange) {
    EXPECT_TRUE(exchange.wait_for_close());
    closed.count_down();
  });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(eventually([&] { return container.requests() == 1; }));
  one.close();
  closed.wait();
  EXPECT_TRUE(eventually([&] { return traffic().completed_as(Outcome::kAbandoned) == 1; }));
  EXPECT_EQ(router->in_flight("c1"), 0u);
}

TEST_F(RouterTest, every_other_request_goes_to_the_api) {
  start({}, {}, [](const Context&, const http::ServerRequest& request) {
    return http::ServerResponse{.status = 200,
                                .headers = {{"X-Method", request.method}, {"Content-Type", "application/x-amz-json-1.1"}},
                                .body = request.path + "|" + request.query + "|" + request.body};
  });
  auto one = client();
  one.send(invocation("{}", "", "/?a=b"));
  auto answer = one.read_answer();
  EXPECT_EQ(answer.body, "/|a=b|{}");
  EXPECT_EQ(answer.fields["x-method"], "POST");
  EXPECT_EQ(answer.fields["x-amzn-requestid"].size(), 36u);
  one.send("GET /endpoints/llm/invocations HTTP/1.1\r\nHost: r\r\n\r\n");
  EXPECT_EQ(one.read_answer().body, "/endpoints/llm/invocations||");
}

TEST_F(RouterTest, the_api_has_a_bounded_queue) {
  std::latch release(1);
  std::atomic<int> running = 0;
  start({.api_workers = 1, .api_queue_max = 1}, {}, [&](const Context&, const http::ServerRequest&) {
    ++running;
    release.wait();
    return http::ServerResponse{};
  });
  const std::string text = invocation("{}", "", "/");
  auto first = client();
  first.send(text);
  ASSERT_TRUE(eventually([&] { return running == 1; }));
  auto second = client();
  auto third = client();
  second.send(text);
  third.send(text);
  const auto refused = [&](RawClient& one) { return one.read_answer().status; };
  // One of the two waits in the queue, the other is refused at once.
  release.count_down();
  const int statuses = refused(second) + refused(third);
  EXPECT_TRUE(statuses == 200 + 503 || statuses == 400);
  EXPECT_EQ(first.read_answer().status, 200);
}

TEST_F(RouterTest, stop_lets_a_running_call_end) {
  std::latch release(1);
  FakeContainer container([&](Exchange& exchange) {
    release.wait();
    exchange.answer("late");
  });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request());
  ASSERT_TRUE(eventually([&] { return container.requests() == 1; }));
  std::jthread stopper([&] { router->stop(kTestPatience); });
  release.count_down();
  EXPECT_EQ(one.read_answer().body, "late");
}

TEST_F(RouterTest, a_broken_table_changes_nothing) {
  FakeContainer container(echo("c1"));
  start();
  apply(components({target("c1", container.address())}));
  EXPECT_TRUE(router->apply({{components({target("c2", "localhost:80")})}}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(router->apply({{components({}), components({})}}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(
      router->apply({{components({target("c", "10.0.0.1:1"), target("c", "10.0.0.1:2")})}}).failed_with(Code::kInvalidArgument));
  EXPECT_EQ(call("x").body, "c1:x");
}

}  // namespace
}  // namespace zeropull::router
