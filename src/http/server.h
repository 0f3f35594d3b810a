// HttpServer: HTTP/1.1 over TLS or plain TCP for blocking handlers.
//
// Connections are read and written by a few event threads of the server's own; a handler runs on a bounded pool and may block.
// When all workers are busy requests wait in a bounded queue, and past that are answered 503. A connection serves one request
// at a time and is kept alive. All of the server is stopped by stop(), which lets running handlers and answers end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/context.h"
#include "base/result.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/range.h"
#include "os/fd.h"

namespace zeropull::http {

// Whether clients must show a certificate signed by ServerOptions::client_ca_file.
enum class ClientCertificates { kNone, kOptional, kRequired };

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;             // 0: any free one, see HttpServer::port()
  std::string certificate_file = {};  // PEM chain; plain http when empty
  std::string key_file = {};
  ClientCertificates client_certificates = ClientCertificates::kNone;
  std::string client_ca_file = {};
  std::size_t io_threads = 1;   // they encrypt and decrypt
  std::size_t workers = 8;      // handlers at once
  std::size_t queue_max = 256;  // requests that wait for a worker
  std::size_t connections_max = 1024;
  std::size_t body_max = 20 * kMiB;
  Duration read_timeout = std::chrono::seconds(30);     // for a handshake, a request once begun, a write without progress
  Duration idle_timeout = std::chrono::seconds(60);     // between requests
  Duration handler_timeout = std::chrono::seconds(60);  // the deadline of a handler's context
  std::string name = "http";                            // in thread names and logs
};

struct Peer {
  std::string address;                        // "127.0.0.1:4711"
  bool authenticated = false;                 // a client certificate was verified; only then is the rest filled
  std::string certificate_subject;            // RFC 2253
  std::vector<std::string> certificate_uris;  // subjectAltName URI entries
  WallTime certificate_expires;               // then the server closes the connection
};

struct ServerRequest {
  std::string method = {};
  std::string target = {};  // as sent
  std::string path = {};    // percent-encoded, without the query
  std::string query = {};   // percent-encoded, without "?"
  Headers headers = {};
  std::string body = {};
  Peer peer = {};
};

// A piece of an open file, sent in pieces without being held in memory.
struct FileRange {
  os::UniqueFd fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// Bytes made on the fly: `read` fills a part of the buffer and returns how much, on a worker, until `length` bytes are sent. An
// error, or 0 too early, closes the connection, so that the client sees a broken transfer.
struct Generated {
  std::uint64_t length = 0;
  std::move_only_function<Result<std::size_t>(MutableByteView)> read;
};

using ServerBody = std::variant<std::string, FileRange, Generated>;

struct ServerResponse {
  int status = 200;
  Headers headers = {};  // Content-Length and Connection are the server's
  ServerBody body = {};
};

// One value of the query, decoded; nullopt when absent or badly encoded.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// Makes the body of one range of a resource.
using OpenRange = std::function<Result<ServerBody>(ByteRange)>;
// The answer for a resource of `size` bytes under the request's Range header: 200, 206 or 416.
ServerResponse respond_with_range(const ServerRequest& request, std::uint64_t size, const OpenRange& open);

class HttpServer {
 public:
  using Handler = std::function<ServerResponse(const Context&, const ServerRequest&)>;  // from several threads at once
  static Result<std::unique_ptr<HttpServer>> create(ServerOptions options, Handler handler);
  virtual ~HttpServer() = default;  // stop()
  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "https://127.0.0.1:4711"
  // Accepts no more, lets requests in progress end for at most `grace`, then closes. Idempotent.
  virtual void stop(Duration grace = std::chrono::seconds(5)) = 0;
};

}  // namespace zeropull::http
