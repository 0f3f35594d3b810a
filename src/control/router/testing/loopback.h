// What the router's tests speak with: FakeContainer, a server that does with each request what its script says, and RawClient, a
// client that sends bytes as they are given. Both over real loopback sockets; nothing waits longer than kTestPatience.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "os/fd.h"

namespace zeropull::router {

inline constexpr std::chrono::seconds kTestPatience{20};

class FakeClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::hours(1)) + passed_.load(); }
  WallTime wall_now() const override {
    return std::chrono::system_clock::from_time_t(1'782'000'000) + std::chrono::duration_cast<WallTime::duration>(passed_.load());
  }
  void advance(Duration by) { passed_ = passed_.load() + by; }

 private:
  std::atomic<Duration> passed_ = Duration::zero();
};

// One connection of the container, at one request.
class Exchange {
 public:
  Exchange(int socket, std::string its_head, std::string its_body)
      : head(std::move(its_head)), body(std::move(its_body)), socket_(socket) {}
  const std::string head;  // request line and fields
  const std::string body;
  void send(std::string_view bytes) const;
  void answer(std::string_view body, std::string_view fields = "", std::string_view status = "200 OK") const;
  bool wait_for_close() const;             // the peer's; false when it did not come
  std::size_t send_until_blocked() const;  // how many bytes went until the peer took no more
  void shut() const;

 private:
  const int socket_;
};

class FakeContainer {
 public:
  using Script = std::function<void(Exchange&)>;  // once for each request, on the connection's thread
  explicit FakeContainer(Script script);
  ~FakeContainer();
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int requests() const { return requests_; }
  int connections() const { return connections_; }

 private:
  void serve(int socket);
  Script script_;
  os::UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0, connections_ = 0;
  Guarded<std::vector<int>> sockets_;
  std::vector<std::jthread> threads_;  // of connections; the acceptor's alone adds
  std::jthread acceptor_;
};

// A port on which nobody listens.
std::string refused_address();

struct RawAnswer {
  int status = 0;                             // 0: the connection ended instead
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;                           // without the frames of chunks
  bool cut = false;                           // the connection ended within it
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  void send(std::string_view bytes) const;
  RawAnswer read_answer();
  std::string read_some();  // "" at the end
  bool ended();             // waits for the end of the connection, whatever comes before
  void close() { socket_ = {}; }

 private:
  bool fill();
  os::UniqueFd socket_;
  std::string buffer_;
};

// "POST /endpoints/llm/invocations .."
std::string invocation(std::string_view body, std::string_view fields = "", std::string_view path = "/endpoints/llm/invocations");

}  // namespace zeropull::router
