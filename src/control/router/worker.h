// Worker: all that one I/O thread of the router has to itself, and references to the little that threads share. Nothing but
// kick() and the loop's post() is called from another thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "control/router/budget.h"
#include "control/router/net.h"
#include "control/router/pinned_sessions.h"
#include "control/router/policy.h"
#include "control/router/router.h"
#include "control/router/routes.h"
#include "control/router/upstream.h"

namespace zeropull::router {

class Invocation;
class Session;

// What the I/O threads share.
struct Shared {
  Shared(RouterOptions o, RouterParts p) : options(std::move(o)), parts(std::move(p)), budget(options.buffered_max) {}

  const RouterOptions options;
  const RouterParts parts;
  Budget budget;
  TrafficRegistry registry;
  PinnedSessions sessions;
  std::stop_source stop;                                    // ends the API handlers' contexts
  std::function<void(const ComponentState*)> kick_holders;  // its held requests try again, on every thread
  std::unique_ptr<ThreadPool> api_workers;
  struct Connections {
    std::size_t open = 0;
    SteadyTime told = {};  // when the log said that there can be no more
  };
  Guarded<Connections> connections;  // notified when one ends
};

// The requests of this thread that wait for a copy, by component, in order of arrival.
class HeldRequests {
 public:
  using Queue = std::list<Invocation*>;
  Queue::iterator add(const ComponentState& component, Invocation& invocation);
  void remove(const ComponentState& component, Queue::iterator place);
  void retry(const ComponentState* component);
  void retry_all();

 private:
  static void retry(Queue& queue);
  std::unordered_map<const ComponentState*, Queue> queues_;
};

class Worker {
 public:
  explicit Worker(Shared& shared);
  ~Worker();

  // On the loop's thread.
  void start();
  void accept(std::unique_ptr<Stream> stream);
  void set_routes(std::shared_ptr<const Routes> routes);
  void wind_down();  // held requests are refused, idle connections end, the others after their answer
  void close(Session& session);
  void deliver(std::uint64_t session_id, http::ServerResponse response);  // an API handler's answer
  void close_all();

  SteadyTime now() const { return shared.parts.clock->steady_now(); }
  std::uint64_t random();    // uniform, fast, not secret
  std::string request_id();  // a UUID

  Shared& shared;
  const std::unique_ptr<Loop> loop;
  std::shared_ptr<const Routes> routes;
  UpstreamPool upstreams;
  HeldRequests held;
  std::vector<Candidate> candidates;  // scratch of the routing of one request
  std::vector<const Routes::Copy*> candidate_copies;
  bool winding_down = false;

 private:
  void refuse(Shared::Connections& connections) const;
  void tick();
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::uint64_t next_session_ = 0;
  std::uint64_t random_state_[4];
};

}  // namespace zeropull::router
