// Response streams: frames as they come, ends of every kind, and no byte more than the slower side takes.
#include <latch>

#include "aws/event_stream.h"
#include "control/router/testing/fixture.h"

namespace zeropull::router {
namespace {

constexpr std::string_view kChunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

class StreamTest : public RouterFixture {
 protected:
  struct Streamed {
    RawAnswer answer;
    std::string text;                      // of all PayloadParts
    std::optional<std::string> exception;  // its type
    std::string exception_payload;
  };
  static Streamed decode(RawAnswer answer) {
    Streamed streamed{std::move(answer), {}, {}, {}};
    aws::EventStreamDecoder decoder;
    decoder.append(as_bytes(streamed.answer.body));
    while (auto message = MUST(decoder.next())) {
      if (message->find(":message-type") == "event") {
        EXPECT_EQ(message->find(":event-type"), "PayloadPart");
        streamed.text += message->payload;
      } else {
        streamed.exception = message->find(":exception-type").value_or("?");
        streamed.exception_payload = message->payload;
      }
    }
    EXPECT_TRUE(decoder.finish().ok());
    return streamed;
  }
  Streamed stream() const {
    auto one = client();
    one.send(request("in", "X-Amzn-SageMaker-Accept: text/x\r\n", true));
    return decode(one.read_answer());
  }
};

TEST_F(StreamTest, chunks_become_payload_parts) {
  std::string seen;
  FakeContainer container([&](Exchange& exchange) {
    seen = exchange.head;
    exchange.send(kChunkedHead);
    exchange.send("5\r\nhello\r\n");
    exchange.send("6\r\n world\r\n0\r\n\r\n");
  });
  start();
  apply(components({target("c1", container.address())}));
  auto streamed = stream();
  EXPECT_EQ(streamed.answer.status, 200);
  EXPECT_EQ(streamed.answer.fields["content-type"], "application/vnd.amazon.eventstream");
  EXPECT_EQ(streamed.answer.fields["x-amzn-sagemaker-content-type"], "text/plain");
  EXPECT_EQ(streamed.answer.fields["x-amzn-invoked-production-variant"], "main");
  EXPECT_EQ(streamed.text, "hello world");
  EXPECT_FALSE(streamed.exception);
  EXPECT_TRUE(seen.contains("Accept: text/x\r\n"));
  EXPECT_EQ(traffic().completed_as(Outcome::kSuccess), 1u);
}

TEST_F(StreamTest, a_piece_reaches_the_caller_before_the_next_is_made) {
  std::latch first(1), second(1);
  FakeContainer container([&](Exchange& exchange) {
    exchange.send(kChunkedHead);
    first.wait();
    exchange.send("3\r\none\r\n");
    second.wait();
    exchange.send("3\r\ntwo\r\n0\r\n\r\n");
  });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request("in", "", true));
  std::string seen;
  const auto read_until = [&](std::string_view what) {
    while (!seen.contains(what)) {
      const auto more = one.read_some();
      if (more.empty()) return false;
      seen += more;
    }
    return true;
  };
  EXPECT_TRUE(read_until("\r\n\r\n"));  // the head comes alone
  first.count_down();
  EXPECT_TRUE(read_until("one"));
  EXPECT_FALSE(seen.contains("two"));
  second.count_down();
  EXPECT_TRUE(read_until("two"));
}

TEST_F(StreamTest, a_connection_is_used_again_after_a_stream) {
  FakeContainer container([&](Exchange& exchange) {
    exchange.send(kChunkedHead);
    exchange.send("2\r\nab\r\n0\r\n\r\n");
  });
  start({.io_threads = 1});
  apply(components({target("c1", container.address())}));
  auto one = client();
  for (int i = 0; i < 3; ++i) {
    one.send(request("in", "", true));
    EXPECT_EQ(decode(one.read_answer()).text, "ab");
  }
  EXPECT_EQ(container.connections(), 1);
}

TEST_F(StreamTest, an_error_before_the_first_byte_is_a_plain_model_error) {
  FakeContainer container([](Exchange& exchange) { exchange.answer("no", "", "503 Busy"); });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request("in", "", true));
  auto answer = one.read_answer();
  EXPECT_EQ(answer.status, 424);
  EXPECT_EQ(answer.fields["content-type"], "application/json");
}

TEST_F(StreamTest, a_container_that_closes_within_a_chunk_ends_the_stream_with_a_model_stream_error) {
  FakeContainer container([](Exchange& exchange) {
    exchange.send(kChunkedHead);
    exchange.send("5\r\nhello\r\n10\r\nhalf");
    exchange.shut();
  });
  start();
  apply(components({target("c1", container.address())}));
  auto streamed = stream();
  EXPECT_FALSE(streamed.answer.cut);
  EXPECT_EQ(streamed.text, "hellohalf");
  EXPECT_EQ(streamed.exception, "ModelStreamError");
  EXPECT_TRUE(streamed.exception_payload.contains("StreamBroken"));
  EXPECT_EQ(traffic().completed_as(Outcome::kModelError), 1u);
}

TEST_F(StreamTest, a_stream_that_takes_too_long_ends_with_a_model_stream_error) {
  FakeContainer container([](Exchange& exchange) {
    exchange.send(kChunkedHead);
    exchange.send("5\r\nhello\r\n");
    EXPECT_TRUE(exchange.wait_for_close());
  });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request("in", "", true));
  ASSERT_TRUE(eventually([&] { return container.requests() == 1; }));
  ASSERT_TRUE(one.read_some().starts_with("HTTP/1.1 200"));
  clock.advance(kStreamTimeout);
  std::string rest;
  while (!rest.contains("0\r\n\r\n")) {
    const auto more = one.read_some();
    ASSERT_FALSE(more.empty());
    rest += more;
  }
  EXPECT_TRUE(rest.contains("ModelInvocationTimeExceeded")) << rest;
}

TEST_F(StreamTest, a_caller_that_leaves_closes_the_containers_connection) {
  std::latch closed(1);
  FakeContainer container([&](Exchange& exchange) {
    exchange.send(kChunkedHead);
    exchange.send("5\r\nhello\r\n");
    EXPECT_TRUE(exchange.wait_for_close());
    closed.count_down();
  });
  start();
  apply(components({target("c1", container.address())}));
  auto one = client();
  one.send(request("in", "", true));
  ASSERT_FALSE(one.read_some().empty());
  one.close();
  closed.wait();
  EXPECT_TRUE(eventually([&] { return router->in_flight("c1") == 0; }));
}

TEST_F(StreamTest, a_caller_that_reads_nothing_stops_the_container_and_is_let_go) {
  std::atomic<std::size_t> taken = 0;
  std::latch closed(1);
  FakeContainer container([&](Exchange& exchange) {
    exchange.send(kChunkedHead);
    taken = exchange.send_until_blocked();
    EXPECT_TRUE(exchange.wait_for_close());
    closed.count_down();
  });
  start();
  apply(components({target("c1", container.address())}));
  RawClient one(router->port(), 4096);
  one.send(request("in", "", true));
  ASSERT_TRUE(eventually([&] { return taken > 0; }));
  EXPECT_LT(taken, 64u * 1024 * 1024);  // what the kernel's buffers on the way hold, and 64 KiB of the router's
  clock.advance(std::chrono::seconds(60));
  closed.wait();
}

TEST_F(StreamTest, a_stream_needs_an_existing_session) {
  start();
  apply(components({}));
  auto one = client();
  one.send(request("in", "X-Amzn-SageMaker-Session-Id: NEW_SESSION\r\n", true));
  EXPECT_EQ(one.read_answer().status, 400);
}

}  // namespace
}  // namespace zeropull::router
