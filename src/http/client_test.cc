#include "http/client.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "base/executor.h"
#include "http/range.h"
#include "http/server.h"
#include "http/test_authority.h"
#include "os/file.h"

namespace zeropull::http {
namespace {

using std::chrono::milliseconds;

std::string pattern(std::uint64_t offset, std::size_t length) {
  std::string text(length, '\0');
  for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>((offset + i) * 2654435761u >> 13);
  return text;
}

// A body of `length` pattern bytes that breaks off after `good` of them.
Generated generate(std::uint64_t length, std::uint64_t good = UINT64_MAX) {
  return {length, [good, at = std::uint64_t{0}](MutableByteView room) mutable -> Result<std::size_t> {
            const auto count = std::min<std::uint64_t>(room.size(), good - at);
            std::ranges::copy(as_bytes(pattern(at, count)), room.begin());
            at += count;
            return count;
          }};
}

class ClientTest : public testing::Test {
 protected:
  std::unique_ptr<HttpServer> serve(HttpServer::Handler handler, ServerOptions options = {}) {
    return MUST(HttpServer::create(std::move(options), std::move(handler)));
  }
  std::unique_ptr<HttpClient> client(ClientOptions options = {.plain = Plain::kAllowed}) {
    return MUST(HttpClient::create(std::move(options)));
  }
  static Request get(const HttpServer& server, const std::string& path) { return {.url = MUST(Url::parse(server.url() + path))}; }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
};

TEST_F(ClientTest, returns_statuses_headers_and_bodies_over_one_connection) {
  auto server = serve([](const Context&, const ServerRequest& request) -> ServerResponse {
    return {.status = request.path == "/missing" ? 404 : 200,
            .headers = {{"X-Seen", request.method + " " + request.target}},
            .body = request.body + std::string(request.headers.find_or("X-Mine", ""))};
  });
  auto http = client();
  for (int i = 0; i < 10; ++i) {
    auto request = get(*server, i % 2 == 0 ? "/a?b=c" : "/missing");
    request.headers = {{"X-Mine", "mine"}, {"X-Empty", ""}};
    auto response = MUST(http->request(ctx_, request));
    EXPECT_EQ(response.status, i % 2 == 0 ? 200 : 404);
    EXPECT_EQ(response.body, "mine");
    EXPECT_EQ(response.headers.find("x-seen"), i % 2 == 0 ? "GET /a?b=c" : "GET /missing");
  }
  EXPECT_EQ(http->counts().requests, 10u);
  EXPECT_EQ(http->counts().connections, 1u);
  EXPECT_EQ(http->counts().body_bytes, 40u);
}

TEST_F(ClientTest, sends_bodies_whole_and_with_the_method_asked_for) {
  auto server = serve([](const Context&, const ServerRequest& request) -> ServerResponse {
    return {.headers = {{"X-Method", request.method}, {"X-Type", std::string(request.headers.find_or("Content-Type", "none"))}},
            .body = request.body};
  });
  auto http = client();
  const auto body = pattern(0, 3 * kMiB);
  for (const char* method : {"PUT", "POST", "PATCH"}) {
    auto request = get(*server, "/");
    request.method = method;
    request.body = as_bytes(body);
    auto response = MUST(http->request(ctx_, request));
    EXPECT_TRUE(response.body == body);
    EXPECT_EQ(response.headers.find("X-Method"), method);
    EXPECT_EQ(response.headers.find("X-Type"), "none");
  }
  auto empty = get(*server, "/");
  empty.method = "PUT";
  EXPECT_EQ(MUST(http->request(ctx_, empty)).status, 200);
}

TEST_F(ClientTest, head_has_a_length_and_no_body) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = "12345"}; });
  auto http = client();
  auto request = get(*server, "/");
  request.method = "HEAD";
  auto response = MUST(http->request(ctx_, request));
  EXPECT_EQ(response.headers.find("Content-Length"), "5");
  EXPECT_EQ(response.body, "");
}

TEST_F(ClientTest, refuses_a_body_above_the_limit) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = std::string(1001, 'x')}; });
  auto http = client();
  auto request = get(*server, "/");
  request.response_max = 1000;
  EXPECT_TRUE(http->request(ctx_, request).failed_with(Code::kOutOfRange));
  request.response_max = 1001;
  EXPECT_EQ(MUST(http->request(ctx_, request)).body.size(), 1001u);
}

TEST_F(ClientTest, credentials_follow_redirects_within_the_origin_alone) {
  std::string seen_elsewhere = "nobody came";
  auto elsewhere = serve([&](const Context&, const ServerRequest& request) -> ServerResponse {
    seen_elsewhere =
        std::string(request.headers.find_or("Authorization", "")) + std::string(request.headers.find_or("Cookie", ""));
    return {.body = std::string(request.headers.find_or("Range", "no range"))};
  });
  auto server = serve([&](const Context&, const ServerRequest& request) -> ServerResponse {
    if (request.path == "/start") return {.status = 307, .headers = {{"Location", "/here"}}, .body = {}};
    if (request.path == "/away") return {.status = 302, .headers = {{"Location", elsewhere->url() + "/x"}}, .body = "moved"};
    return {.body = std::string(request.headers.find_or("Authorization", "none"))};
  });
  auto http = client();
  auto request = get(*server, "/start");
  request.headers = {{"Authorization", "Bearer t"}, {"Cookie", "c"}, {"Range", "bytes=1-2"}};
  EXPECT_EQ(MUST(http->request(ctx_, request)).body, "Bearer t");

  request.url = MUST(Url::parse(server->url() + "/away"));
  auto response = MUST(http->request(ctx_, request));
  EXPECT_EQ(response.body, "bytes=1-2");
  EXPECT_EQ(response.url.text(), elsewhere->url() + "/x");
  EXPECT_EQ(seen_elsewhere, "");

  request.method = "POST";
  EXPECT_EQ(MUST(http->request(ctx_, request)).status, 302);
}

TEST_F(ClientTest, stops_after_too_many_redirects) {
  int requests = 0;
  auto server = serve([&](const Context&, const ServerRequest&) -> ServerResponse {
    ++requests;
    return {.status = 302, .headers = {{"Location", "/again"}}, .body = {}};
  });
  auto http = client({.plain = Plain::kAllowed, .redirects_max = 3});
  EXPECT_TRUE(http->request(ctx_, get(*server, "/")).failed_with(Code::kFailedPrecondition));
  EXPECT_EQ(requests, 4);
}

TEST_F(ClientTest, plain_http_needs_to_be_allowed) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {}; });
  auto http = client({});
  EXPECT_TRUE(http->request(ctx_, get(*server, "/")).failed_with(Code::kPermissionDenied));
  EXPECT_EQ(http->counts().requests, 0u);
}

TEST_F(ClientTest, streams_a_body_in_order_on_the_callers_thread_without_running_ahead) {
  constexpr std::uint64_t kLength = 64 * kMiB;
  std::atomic<std::uint64_t> produced = 0;
  auto server = serve([&](const Context&, const ServerRequest&) -> ServerResponse {
    return {.body = Generated{kLength, [&, inner = generate(kLength)](MutableByteView room) mutable -> Result<std::size_t> {
                                auto count = TRY(inner.read(room));
                                produced += count;
                                return count;
                              }}};
  });
  auto http = client();
  std::uint64_t taken = 0, lead = 0;
  bool same = true;
  const auto caller = std::this_thread::get_id();
  auto response = http->stream(ctx_, get(*server, "/"), [&](const Response& head, ByteView data) -> Result<void> {
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(std::this_thread::get_id(), caller);
    for (int slow = 0; slow < 3; ++slow) same = same && as_text(data) == pattern(taken, data.size());
    taken += data.size();
    lead = std::max(lead, produced - taken);
    return {};
  });
  EXPECT_TRUE(response.ok());
  EXPECT_TRUE(same);
  EXPECT_EQ(taken, kLength);
  EXPECT_LE(lead, 24 * kMiB);  // our megabyte and what the kernel's socket buffers hold
}

TEST_F(ClientTest, a_stream_may_be_refused_at_its_head_before_any_byte) {
  auto server = serve([&](const Context&, const ServerRequest&) -> ServerResponse { return {.body = std::string(100, 'x')}; });
  auto answer = client()->stream(ctx_, get(*server, "/"), [&](const Response& head, ByteView data) -> Result<void> {
    EXPECT_TRUE(data.empty());
    return make_error(Code::kDataLoss, "{} bytes", head.headers.find_or("Content-Length", "no"));
  });
  ASSERT_TRUE(answer.failed_with(Code::kDataLoss));
  EXPECT_NE(answer.error().message().find("100 bytes"), std::string::npos);
}

TEST_F(ClientTest, streams_ranges_side_by_side) {
  constexpr std::size_t kPart = 1 * kMiB + 17, kParts = 24;
  auto server = serve(
      [](const Context&, const ServerRequest& request) {
        return respond_with_range(request, kPart * kParts, [](ByteRange range) -> Result<ServerBody> {
          return ServerBody(pattern(range.offset, range.length));
        });
      },
      {.workers = 4});
  auto http = client();
  auto result = parallel_for(ctx_, kParts, 8, [&](const Context& ctx, std::size_t part) -> Result<void> {
    auto request = get(*server, "/");
    request.headers = {{"Range", range_header({part * kPart, kPart})}};
    std::string body;
    auto response = TRY(http->stream(ctx, request, [&](const Response&, ByteView data) -> Result<void> {
      body += as_text(data);
      return {};
    }));
    EXPECT_EQ(response.status, 206);
    EXPECT_TRUE(body == pattern(part * kPart, kPart));
    return {};
  });
  EXPECT_TRUE(result.ok());
  EXPECT_LE(http->counts().connections, 8u);
}

TEST_F(ClientTest, a_truncated_body_is_unavailable_after_its_bytes_were_given) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = generate(1000000, 600000)}; });
  auto http = client();
  std::string body;
  auto result = http->stream(ctx_, get(*server, "/"), [&](const Response&, ByteView data) -> Result<void> {
    body += as_text(data);
    return {};
  });
  EXPECT_TRUE(result.failed_with(Code::kUnavailable));
  EXPECT_TRUE(body == pattern(0, 600000));
  EXPECT_TRUE(http->request(ctx_, get(*server, "/")).failed_with(Code::kUnavailable));
}

TEST_F(ClientTest, a_stalled_body_ends_by_the_progress_timeout) {
  std::promise<void> release;
  auto released = release.get_future().share();
  auto server = serve([&](const Context&, const ServerRequest&) -> ServerResponse {
    return {.body = Generated{1000, [released, first = true](MutableByteView room) mutable -> Result<std::size_t> {
                                if (!std::exchange(first, false)) released.wait();
                                return std::min<std::size_t>(room.size(), 500);
                              }}};
  });
  auto http = client({.plain = Plain::kAllowed, .progress_timeout = milliseconds(100)});
  auto result = http->request(ctx_, get(*server, "/"));
  EXPECT_TRUE(result.failed_with(Code::kUnavailable));
  EXPECT_NE(result.error().message().find("no byte for 0.1 s"), std::string::npos);
  release.set_value();
}

TEST_F(ClientTest, a_slow_sink_is_no_stalled_server) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = generate(8 * kMiB)}; });
  auto http = client({.plain = Plain::kAllowed, .progress_timeout = milliseconds(40)});
  std::uint64_t taken = 0;
  bool first = true;
  auto result = http->stream(ctx_, get(*server, "/"), [&](const Response&, ByteView data) -> Result<void> {
    if (std::exchange(first, false)) TRY(ctx_.sleep(milliseconds(120)));  // what is tested is this pause
    taken += data.size();
    return {};
  });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(taken, 8 * kMiB);
}

TEST_F(ClientTest, the_sinks_error_and_the_contexts_end_stop_a_transfer) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = generate(64 * kMiB)}; });
  auto http = client();
  auto refused = http->stream(ctx_, get(*server, "/"), [&](const Response&, ByteView) -> Result<void> {
    return make_error(Code::kDataLoss, "not what I wanted");
  });
  EXPECT_TRUE(refused.failed_with(Code::kDataLoss));

  std::promise<void> release;
  auto waiting = serve([&](const Context&, const ServerRequest&) -> ServerResponse {
    release.get_future().wait();
    return {};
  });
  auto late = http->request(ctx_.with_timeout(milliseconds(50)), get(*waiting, "/"));
  EXPECT_TRUE(late.failed_with(Code::kDeadlineExceeded));
  release.set_value();
}

TEST_F(ClientTest, a_closed_port_is_unavailable) {
  auto server = serve([](const Context&, const ServerRequest&) -> ServerResponse { return {}; });
  auto request = get(*server, "/");
  server->stop();
  EXPECT_TRUE(client()->request(ctx_, request).failed_with(Code::kUnavailable));
}

class TlsTest : public ClientTest {
 protected:
  TlsTest() {
    server_options_.certificate_file = certificate_.certificate_file;
    server_options_.key_file = certificate_.key_file;
  }
  HttpServer::Handler show_peer_ = [](const Context&, const ServerRequest& request) -> ServerResponse {
    const auto& peer = request.peer;
    std::string text = peer.authenticated ? peer.certificate_subject : "nobody";
    for (const auto& uri : peer.certificate_uris) text += " " + uri;
    return {.body = text};
  };

  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-http-test"));
  TestAuthority authority_ = MUST(TestAuthority::create(folder_.path()));
  TestCertificate certificate_ = MUST(authority_.issue("server", {"IP:127.0.0.1", "DNS:store.internal"}));
  ServerOptions server_options_;
};

TEST_F(TlsTest, accepts_a_certificate_of_the_given_authority_for_the_given_name_alone) {
  auto server = serve(show_peer_, server_options_);
  EXPECT_EQ(MUST(client({.ca_file = authority_.ca_file()})->request(ctx_, get(*server, "/"))).body, "nobody");
  EXPECT_TRUE(client({})->request(ctx_, get(*server, "/")).failed_with(Code::kUnauthenticated));
  auto other_name = client({.ca_file = authority_.ca_file(), .server_name = "other.internal"});
  EXPECT_TRUE(other_name->request(ctx_, get(*server, "/")).failed_with(Code::kUnauthenticated));
  auto right_name = client({.ca_file = authority_.ca_file(), .server_name = "store.internal"});
  EXPECT_EQ(MUST(right_name->request(ctx_, get(*server, "/"))).status, 200);
}

TEST_F(TlsTest, never_follows_a_redirect_from_https_to_plain_http) {
  int plain_requests = 0;
  auto plain = serve([&](const Context&, const ServerRequest&) -> ServerResponse { return ++plain_requests, ServerResponse{}; });
  auto server = serve(
      [&](const Context&, const ServerRequest&) -> ServerResponse {
        return {.status = 302, .headers = {{"Location", plain->url() + "/"}}, .body = {}};
      },
      server_options_);
  auto http = client({.ca_file = authority_.ca_file()});
  EXPECT_TRUE(http->request(ctx_, get(*server, "/")).failed_with(Code::kPermissionDenied));
  EXPECT_EQ(plain_requests, 0);
}

TEST_F(TlsTest, shows_a_verified_clients_names_and_refuses_strangers) {
  server_options_.client_certificates = ClientCertificates::kRequired;
  server_options_.client_ca_file = authority_.ca_file();
  auto server = serve(show_peer_, server_options_);
  auto mine = MUST(authority_.issue("agent", {"URI:zeropull://account/endpoint/i-1"}));
  auto known = client({.ca_file = authority_.ca_file(), .certificate_file = mine.certificate_file, .key_file = mine.key_file});
  EXPECT_EQ(MUST(known->request(ctx_, get(*server, "/"))).body, "CN=agent zeropull://account/endpoint/i-1");

  EXPECT_FALSE(client({.ca_file = authority_.ca_file()})->request(ctx_, get(*server, "/")).ok());
  auto other_folder = MUST(os::ScratchFolder::create("/tmp", "zp-http-test"));
  auto stranger = MUST(MUST(TestAuthority::create(other_folder.path(), "stranger")).issue("agent", {}));
  auto unknown =
      client({.ca_file = authority_.ca_file(), .certificate_file = stranger.certificate_file, .key_file = stranger.key_file});
  EXPECT_FALSE(unknown->request(ctx_, get(*server, "/")).ok());
}

TEST_F(TlsTest, streams_over_tls) {
  auto server =
      serve([](const Context&, const ServerRequest&) -> ServerResponse { return {.body = generate(8 * kMiB)}; }, server_options_);
  std::string body;
  auto response = client({.ca_file = authority_.ca_file()})
                      ->stream(ctx_, get(*server, "/"), [&](const Response&, ByteView data) -> Result<void> {
                        body += as_text(data);
                        return {};
                      });
  EXPECT_TRUE(response.ok());
  EXPECT_TRUE(body == pattern(0, 8 * kMiB));
}

}  // namespace
}  // namespace zeropull::http
