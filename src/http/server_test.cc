#include "http/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <thread>

#include "http/client.h"
#include "os/file.h"

namespace zeropull::http {
namespace {

using std::chrono::milliseconds;

class ServerTest : public testing::Test {
 protected:
  void serve(HttpServer::Handler handler, ServerOptions options = {}) {
    server_ = MUST(HttpServer::create(std::move(options), std::move(handler)));
  }
  Request get(const std::string& path) { return {.url = MUST(Url::parse(server_->url() + path))}; }

  // Sends bytes as they are, in pieces, and returns everything up to the server's close.
  std::string talk(std::string_view text, std::size_t piece = std::string_view::npos) {
    os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server_->port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const int no_delay = 1;
    EXPECT_EQ(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay), 0);
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      MUST(os::write_all(socket.get(), as_bytes(text.substr(0, piece))));
    std::string answer;
    Bytes room(4096);
    for (;;) {
      auto count = os::read_some(socket.get(), room);
      if (!count || *count == 0) return answer;
      answer += as_text(ByteView(room).first(*count));
    }
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_ = MUST(HttpClient::create({.plain = Plain::kAllowed}));
};

HttpServer::Handler ok() {
  return [](const Context&, const ServerRequest&) -> ServerResponse { return {.body = "ok"}; };
}

TEST_F(ServerTest, an_empty_chunked_body_may_come_byte_by_byte) {
  serve(ok());
  const std::string text = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(talk(text, 1).ends_with("ok"));
}

TEST_F(ServerTest, gives_the_handler_what_was_sent) {
  ServerRequest seen;
  serve([&](const Context&, const ServerRequest& request) -> ServerResponse {
    seen = request;
    return {.status = 201, .headers = {{"X-A", "b"}}, .body = "made"};
  });
  auto answer = talk("PUT /a%20b?c=d&e HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
  EXPECT_EQ(answer, "HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmade");
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.path, "/a%20b");
  EXPECT_EQ(query_value(seen.query, "c"), "d");
  EXPECT_EQ(query_value(seen.query, "e"), "");
  EXPECT_EQ(query_value(seen.query, "x"), std::nullopt);
  EXPECT_EQ(seen.headers.find("x-one"), "1");
  EXPECT_EQ(seen.body, "body");
  EXPECT_TRUE(seen.peer.address.starts_with("127.0.0.1:"));
  EXPECT_FALSE(seen.peer.authenticated);
}

TEST_F(ServerTest, answers_malformed_and_oversize_requests_without_the_handler) {
  int handled = 0;
  serve([&](const Context&, const ServerRequest&) -> ServerResponse { return ++handled, ServerResponse{}; }, {.body_max = 10});
  EXPECT_TRUE(talk("no http at all\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(talk("GET elsewhere HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(talk("GET / HTTP/1.1\r\nX: " + std::string(kHeadersMax, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(talk("PUT / HTTP/1.1\r\nContent-Length: 11\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(handled, 0);
}

TEST_F(ServerTest, continues_where_a_client_asks_first) {
  serve([](const Context&, const ServerRequest& request) -> ServerResponse { return {.body = request.body}; });
  auto answer = talk("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhi"));
}

TEST_F(ServerTest, closes_idle_and_dawdling_connections) {
  serve(ok(), {.read_timeout = milliseconds(50), .idle_timeout = milliseconds(50)});
  EXPECT_EQ(talk(""), "");
  EXPECT_EQ(talk("GET / HTTP/1.1\r\nHos"), "");
  EXPECT_EQ(talk("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), "");
}

TEST_F(ServerTest, serves_ranges_of_a_file) {
  auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-http-test"));
  const auto path = folder.path() + "/file";
  std::string contents(700000, '\0');
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 7919 >> 5);
  MUST(os::replace_file(path, as_bytes(contents)));
  serve([&](const Context&, const ServerRequest& request) {
    return respond_with_range(request, contents.size(), [&](ByteRange range) -> Result<ServerBody> {
      auto fd = TRY(os::open_file(path, O_RDONLY));
      return ServerBody(FileRange{std::move(fd), range.offset, range.length});
    });
  });
  auto whole = MUST(client_->request(ctx_, get("/")));
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.body == contents);
  auto request = get("/");
  request.headers = {{"Range", range_header({1000, 600000})}};
  auto part = MUST(client_->request(ctx_, request));
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.headers.find("Content-Range"), "bytes 1000-600999/700000");
  EXPECT_TRUE(part.body == contents.substr(1000, 600000));
  request.headers = {{"Range", "bytes=700000-"}};
  EXPECT_EQ(MUST(client_->request(ctx_, request)).status, 416);
}

TEST_F(ServerTest, answers_503_when_workers_and_queue_are_full) {
  std::promise<void> entered, release;
  auto released = release.get_future().share();
  serve(
      [&](const Context&, const ServerRequest& request) -> ServerResponse {
        if (request.path == "/slow") {
          entered.set_value();
          released.wait();
        }
        return {.body = "ok"};
      },
      {.workers = 1, .queue_max = 1});
  std::jthread slow([&] { EXPECT_EQ(MUST(client_->request(ctx_, get("/slow"))).status, 200); });
  entered.get_future().wait();
  // Of two more, one waits in the queue; the other is refused at once and lets both end.
  std::atomic<int> refused = 0, served = 0;
  const auto ask = [&] {
    const int status = MUST(client_->request(ctx_, get("/"))).status;
    if (status == 200) ++served;
    if (status == 503 && ++refused == 1) release.set_value();
  };
  std::jthread one(ask), two(ask);
  one.join();
  two.join();
  EXPECT_EQ(served, 1);
  EXPECT_EQ(refused, 1);
}

TEST_F(ServerTest, stop_lets_a_running_request_end) {
  std::promise<void> entered, release;
  serve([&](const Context&, const ServerRequest&) -> ServerResponse {
    entered.set_value();
    release.get_future().wait();
    return {.body = "done"};
  });
  std::jthread caller([&] { EXPECT_EQ(MUST(client_->request(ctx_, get("/"))).body, "done"); });
  entered.get_future().wait();
  std::jthread stopper([&] { server_->stop(); });
  release.set_value();
  caller.join();
  stopper.join();
  EXPECT_FALSE(client_->request(ctx_, get("/")).ok());
  server_->stop();
}

TEST_F(ServerTest, stop_cancels_handlers_after_its_grace) {
  std::promise<void> entered;
  serve([&](const Context& ctx, const ServerRequest&) -> ServerResponse {
    entered.set_value();
    EXPECT_TRUE(ctx.sleep(std::chrono::seconds(30)).failed_with(Code::kCancelled));
    return {};
  });
  std::jthread caller([&] { EXPECT_FALSE(client_->request(ctx_, get("/")).ok()); });
  entered.get_future().wait();
  server_->stop(milliseconds(1));
}

TEST_F(ServerTest, an_answer_that_would_split_the_message_becomes_500) {
  serve([](const Context&, const ServerRequest&) -> ServerResponse {
    return {.headers = {{"X", "a\r\nInjected: b"}}, .body = {}};
  });
  auto answer = talk("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 "));
  EXPECT_FALSE(answer.contains("Injected"));
}

TEST_F(ServerTest, create_says_what_is_wrong) {
  EXPECT_TRUE(HttpServer::create({.address = "nowhere"}, ok()).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(HttpServer::create({.certificate_file = "/does/not/exist"}, ok()).failed_with(Code::kFailedPrecondition));
  serve(ok());
  EXPECT_TRUE(HttpServer::create({.port = server_->port()}, ok()).failed_with(Code::kUnavailable));
}

}  // namespace
}  // namespace zeropull::http
