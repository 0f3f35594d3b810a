// HttpClient: blocking HTTP/1.1 requests from any thread over one event thread of libcurl.
//
// Every call runs on the caller's thread and waits for the event thread, which owns the sockets: a streamed body reaches its
// sink on the caller's thread, a slow sink pauses its own transfer (at most kChunks * kChunkSize bytes wait in memory) and never
// another's. Connections are kept and reused; as many transfers run at once as there are callers.
//
// A status is an answer, not an error. Errors: kUnavailable when the server cannot be reached, the transfer breaks or ends short
// of its Content-Length, or no byte moved for the progress timeout (all worth a retry, see http/retry.h); kUnauthenticated for a
// certificate that does not verify; kPermissionDenied for plain http that the options do not allow and for addresses that the
// guard denies; kOutOfRange for a body above
// the limit; kDeadlineExceeded and kCancelled from the context.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/context.h"
#include "base/result.h"
#include "http/address_guard.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/url.h"

namespace zeropull::http {

enum class Plain { kRefused, kAllowed };       // http:// URLs, asked for or redirected to
enum class Proxy { kNone, kFromEnvironment };  // https_proxy, http_proxy and no_proxy

struct ClientOptions {
  Plain plain = Plain::kRefused;
  Proxy proxy = Proxy::kNone;
  std::string ca_file = {};           // PEM; the system's authorities when empty
  std::string certificate_file = {};  // PEM, for mutual TLS; with key_file
  std::string key_file = {};
  std::string server_name = {};  // the name that certificates must carry and that Host says, when it is not the URL's host
  Duration connect_timeout = std::chrono::seconds(10);   // name, TCP and TLS
  Duration progress_timeout = std::chrono::seconds(30);  // without a byte in either direction
  int redirects_max = 5;
  std::string user_agent = "zeropull";
  // Asked for every address before it is connected to. A proxy would resolve names behind its back, so that the two exclude
  // each other (kInvalidArgument).
  std::optional<AddressGuard> guard = std::nullopt;
};

struct Request {
  std::string method = "GET";
  Url url;
  Headers headers = {};
  ByteView body = {};                   // kept by the caller until the call returns
  std::size_t response_max = kBodyMax;  // of a body kept in memory
};

struct Response {
  int status = 0;
  Headers headers = {};
  std::string body = {};
  Url url;  // that answered, after redirects
  bool ok() const { return status >= 200 && status < 300; }
};

// Gets the pieces of a 2xx body in order, on the thread that called stream(). `head` has no body. An error ends the transfer and
// is what stream() returns.
using Sink = std::function<Result<void>(const Response& head, ByteView data)>;

// Counts since the client was made, for tests and metrics.
struct ClientCounts {
  std::uint64_t requests = 0;     // redirects count each
  std::uint64_t connections = 0;  // opened
  std::uint64_t body_bytes = 0;   // received
};

class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> create(ClientOptions options);
  virtual ~HttpClient() = default;  // every call has returned before

  // The whole answer in memory. GET and HEAD follow redirects; Authorization, cookies and the client certificate go to the first
  // origin (scheme, host, port) alone, and https never falls to http unless plain is allowed.
  virtual Result<Response> request(const Context& ctx, const Request& request) = 0;
  // Gives a 2xx body to the sink; the body of another status is in the response, cut at kErrorBodyMax.
  virtual Result<Response> stream(const Context& ctx, const Request& request, const Sink& sink) = 0;
  virtual ClientCounts counts() const = 0;
};

}  // namespace zeropull::http
