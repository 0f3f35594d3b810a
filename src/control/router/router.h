// Router: the public listener of the control plane. It takes InvokeEndpoint and InvokeEndpointWithResponseStream to the copies
// of a component itself, and gives every other request, whole, to the API's blocking handler.
//
// A few I/O threads, each with its own event loop, client connections, kept upstream connections and its own reference to the
// routing table: on the way of a request there is no lock and no change of thread. A request's body is whole, within its
// endpoint's limit, and its signature checked before a byte of it reaches a container, so it can always go to another copy as
// long as none has got it. Requests of a component without a ready copy wait (HoldPolicy) and are told to the observer at once.
//
// All methods may be called from any thread, but apply() and stop() not from the observer or a handler that stop() waits for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/sigv4_verify.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "control/router/limits.h"
#include "control/router/table.h"
#include "control/router/traffic.h"
#include "http/server.h"

namespace zeropull::router {

struct RouterOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;             // 0: any free one, see Router::port()
  std::string certificate_file = {};  // PEM chain; plain HTTP when empty
  std::string key_file = {};
  std::string region = "us-east-1";  // in texts
  std::size_t io_threads = 2;
  std::size_t connections_max = 20'000;  // of callers; past it they are closed at once, and the log says so
  std::size_t buffered_max = kBufferedMax;
  std::size_t api_workers = 8;      // API requests at once
  std::size_t api_queue_max = 256;  // that wait for a worker; past that 503
  std::size_t api_body_max = kPayloadMax;
  Duration api_timeout = std::chrono::seconds(60);  // the deadline of a handler's context
  Duration client_patience = kClientPatience;
  Duration client_idle_time = kClientIdleTime;
  Duration connect_timeout = kConnectTimeout;
  // A copy's share of the requests grows from a tenth to its full size in this time; 0: full at once.
  Duration slow_start = std::chrono::seconds(10);
  Duration session_time = kSessionTime;
  Duration tick = std::chrono::milliseconds(100);  // how finely time limits are kept
};

// A request whose signature is to be checked.
struct SignedRequest {
  aws::RequestView request;
  // Of the body as it came. Null while the body is on its way: then refuse what the headers alone give reason to refuse.
  const Sha256* body_sha256;
};
// An error of the API: what x-amzn-ErrorType, status and message will be.
struct Refusal {
  int status = 403;
  std::string type;
  std::string message;
};
// Fills `account` or returns why not. Called on an I/O thread, for a long body twice: it must not block.
using Authenticate = std::function<std::optional<Refusal>(const SignedRequest&, std::string& account)>;
// Runs on the router's workers, from several threads at once, and may block. A body that is no string is read into memory.
using ApiHandler = std::function<http::ServerResponse(const Context&, const http::ServerRequest&)>;

// What the fleet and the scaler hear at once. Called on I/O threads (on_drained also within apply()): nothing may block.
class RouterObserver {
 public:
  virtual ~RouterObserver() = default;
  // A request of this component waits because no copy of it is ready and has room. Once for every such request.
  virtual void on_demand(const std::string& component_uid) = 0;
  // The copy is in no table any more and its last request has ended.
  virtual void on_drained(const std::string& copy_id) = 0;
};

struct RouterParts {
  Authenticate authenticate;           // none: every caller is `anonymous_account`, for benches
  ApiHandler api;                      // none: 404
  RouterObserver* observer = nullptr;  // outlives the router
  Clock* clock = &Clock::system();
  std::string anonymous_account = "000000000000";
};

class Router {
 public:
  static Result<std::unique_ptr<Router>> create(RouterOptions options, RouterParts parts);
  virtual ~Router() = default;  // stop()
  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:4711"

  // Replaces the whole table; kInvalidArgument, and nothing changes, for a broken one. When it returns, every request that begins
  // is routed by this table, and each request that was given to a copy before is counted in in_flight().
  virtual Result<void> apply(const RoutingTable& table) = 0;

  virtual std::uint64_t in_flight(std::string_view copy_id) const = 0;  // 0 for a copy that is not known
  virtual RouterStats stats() const = 0;                                // cheap: every 100 ms is fine

  // Accepts no more, answers held requests with 503, lets the others end for at most `grace`. Idempotent.
  virtual void stop(Duration grace = std::chrono::seconds(5)) = 0;
};

}  // namespace zeropull::router
