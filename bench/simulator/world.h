// The simulated service: copies that start after a time, work on a limited number of requests each, and a router that holds the
// rest in order until a deadline. An Autoscaler reads the same counters that the product's scaler reads and says how many copies
// it wants. Every autoscaler meets the same requests: arrival and service time belong to the request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace zeropull::simulator {

struct Request {
  double arrival = 0;  // seconds
  double service = 0;  // seconds in a copy
};

struct ServiceModel {
  double service_mean = 10, service_variation = 1;  // lognormal; standard deviation over mean
  int copy_limit = 8;                               // requests that a copy works on at once
  double start = 10;                                // seconds from order to ready
  double deadline = 60;                             // a request held longer fails
  double late = 5;                                  // a request held longer is late
  int copies_min = 1, copies_max = 1000;
  double target() const { return 0.7 * copy_limit; }  // what every autoscaler aims at
};

// Counters since the beginning.
struct Reading {
  double now = 0;
  std::uint64_t arrivals = 0, completed = 0;
  double service_seconds = 0;
  double in_flight_seconds = 0, ready_seconds = 0;  // integrals
  int in_flight = 0, held = 0, desired = 0, ready = 0;
};

class Autoscaler {
 public:
  virtual ~Autoscaler() = default;
  virtual double tick() const = 0;  // seconds between looks
  virtual int decide(const Reading& reading) = 0;
};

struct CurvePoint {
  double time = 0;
  int in_flight = 0, desired = 0, ready = 0;
};

struct Outcome {
  double copy_seconds = 0;  // from order to the end of the last request
  std::uint64_t requests = 0, failed = 0, late = 0;
  int scale_outs = 0, scale_ins = 0;
  std::vector<CurvePoint> curve;  // one a second
  double copy_hours() const { return copy_seconds / 3600; }
  std::uint64_t failed_or_late() const { return failed + late; }
};

struct Run {
  int copies = 1;           // ready at the beginning
  double end = 0;           // seconds
  double counted_from = 0;  // scale-outs and scale-ins before are the autoscaler's warming up
  double phase = 0;         // of the autoscaler's first look
};

Outcome simulate(const std::vector<Request>& requests, const ServiceModel& model, Autoscaler& autoscaler, const Run& run);

}  // namespace zeropull::simulator
