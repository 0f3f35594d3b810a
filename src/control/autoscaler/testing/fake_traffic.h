// A router's counters that follow a load upon one component: requests come at a rate and take a time of service; without a copy
// they are held. A value that a test drives; no clock of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "control/router/traffic.h"

namespace zeropull::autoscaler {

struct FakeTraffic {
  double rate = 0;       // requests a second
  double service = 0.5;  // seconds of each
  bool holds = true;     // else what finds no copy is refused
  std::uint64_t answered = 0;

  // So many seconds of it, with these copies.
  void pass(double seconds, const std::vector<std::string>& copies) {
    due_ += rate * seconds;
    for (; due_ >= 1; due_ -= 1) {
      ++requests_.arrivals;
      if (copies.empty()) ++requests_.without_copies, requests_.waited += holds ? 1 : 0;
      if (holds || !copies.empty()) ++held_;
    }
    for (auto& one : at_work_) one.left -= seconds;
    while (!at_work_.empty() && at_work_.front().left <= 0) {
      auto us = static_cast<std::uint64_t>(service * 1e6);
      for (auto* counters : {&requests_, &of_copy_[at_work_.front().copy]}) {
        ++counters->completed[0], counters->latency_us_sum += us, ++counters->latency[9];
      }
      ++answered;
      at_work_.pop_front();
    }
    for (; held_ > 0 && !copies.empty(); --held_) {
      const auto& copy = copies[next_++ % copies.size()];
      ++of_copy_[copy].arrivals;
      at_work_.push_back({service, copy});
    }
    requests_.held = held_;
    requests_.in_flight = held_ + at_work_.size();
  }

  // As Router::stats() would tell it; "" for a component that is not there.
  router::RouterStats stats(SteadyTime now, const std::string& component_uid) {
    router::RouterStats told;
    told.time = now;
    if (!component_uid.empty()) told.components.push_back({component_uid, requests_});
    for (auto& [id, counters] : of_copy_) {
      counters.in_flight = static_cast<std::uint64_t>(std::ranges::count(at_work_, id, &Request::copy));
      told.copies.push_back({id, false, counters});
    }
    return told;
  }

 private:
  struct Request {
    double left = 0;
    std::string copy;
  };
  router::TrafficStats requests_;
  std::map<std::string, router::TrafficStats> of_copy_;
  std::deque<Request> at_work_;
  std::uint64_t held_ = 0, next_ = 0;
  double due_ = 0;
};

}  // namespace zeropull::autoscaler
