// Traffic: what passes, counted where it passes. A component and each of its copies have counters of their own, which outlive
// routing tables; any thread moves and reads them without a lock. TrafficStats is their reading.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace zeropull::router {

// How a request ended, as its caller saw it.
enum class Outcome {
  kSuccess,      // 2xx
  kClientError,  // 4xx: no capacity in time
  kServerError,  // 5xx
  kModelError,   // 424, or a stream that broke
  kAbandoned,    // the caller left first
};
inline constexpr std::size_t kOutcomes = 5;

// Upper bounds of the latency histogram; one more bucket has the rest.
inline constexpr std::array<Duration, 16> kLatencyBounds = {
    std::chrono::milliseconds(1),    std::chrono::milliseconds(2),    std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),   std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100),  std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::milliseconds(1000), std::chrono::milliseconds(2500), std::chrono::milliseconds(5000),
    std::chrono::seconds(10),        std::chrono::seconds(30),        std::chrono::seconds(60),
    std::chrono::seconds(300)};

struct TrafficStats {
  std::uint64_t arrivals = 0;                           // of a copy: requests given to it
  std::uint64_t in_flight = 0;                          // of a component: arrived and not answered, held ones included
  std::uint64_t held = 0;                               // waiting now for a copy; always 0 for a copy
  std::uint64_t waited = 0;                             // of a component: requests that were held, each once
  std::uint64_t without_copies = 0;                     // of a component: came while it had no copy at all, held or refused
  std::array<std::uint64_t, kOutcomes> completed = {};  // by Outcome
  std::uint64_t latency_us_sum = 0;                     // of all that completed, from arrival to the last byte
  std::array<std::uint64_t, kLatencyBounds.size() + 1> latency = {};
  std::uint64_t completed_as(Outcome outcome) const { return completed[static_cast<std::size_t>(outcome)]; }
};

class alignas(64) Traffic {
 public:
  void arrive() {
    arrivals_.fetch_add(1, std::memory_order_relaxed);
    in_flight_.fetch_add(1);
  }
  // Without an outcome: the request goes to another copy. Returns how many are left.
  std::uint64_t leave() { return in_flight_.fetch_sub(1) - 1; }
  std::uint64_t complete(Outcome outcome, Duration latency);
  void hold() { held_.fetch_add(1, std::memory_order_relaxed); }
  void wait() { waited_.fetch_add(1, std::memory_order_relaxed); }
  void find_no_copies() { without_copies_.fetch_add(1, std::memory_order_relaxed); }
  void unhold() { held_.fetch_sub(1, std::memory_order_relaxed); }

  std::uint64_t in_flight() const { return in_flight_.load(); }
  std::uint64_t held() const { return held_.load(std::memory_order_relaxed); }
  TrafficStats read() const;

 private:
  std::atomic<std::uint64_t> arrivals_ = 0, in_flight_ = 0, held_ = 0, waited_ = 0, without_copies_ = 0, latency_us_sum_ = 0;
  std::array<std::atomic<std::uint64_t>, kOutcomes> completed_ = {};
  std::array<std::atomic<std::uint64_t>, kLatencyBounds.size() + 1> latency_ = {};
};

struct CopyStats {
  std::string id;
  bool leaving = false;  // it is in no table any more
  TrafficStats traffic;
};
struct ComponentStats {
  std::string uid;
  TrafficStats traffic;
};
struct RouterStats {
  SteadyTime time = {};
  std::vector<ComponentStats> components;  // by uid
  std::vector<CopyStats> copies;           // by id
  std::size_t connections = 0;             // of clients
  std::size_t buffered_bytes = 0;          // bodies of requests and answers
};

}  // namespace zeropull::router
