// Requests for the simulated service: Poisson arrivals whose rate steps, or a trace's times; lognormal service times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "world.h"

namespace zeropull::simulator {

struct Level {
  double until = 0;  // seconds
  double rate = 0;   // requests a second
};
std::vector<Request> poisson(const std::vector<Level>& levels, const ServiceModel& model, std::uint64_t seed);

// A file of bench/traces; times from its first request.
Result<std::vector<Request>> trace(const std::string& path, const ServiceModel& model, std::uint64_t seed);

}  // namespace zeropull::simulator
