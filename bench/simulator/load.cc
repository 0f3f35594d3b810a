#include "load.h"

#include <cmath>
#include <cstdio>
#include <random>

#include "os/file.h"

namespace zeropull::simulator {

namespace {

class ServiceTimes {
 public:
  ServiceTimes(const ServiceModel& model, std::uint64_t seed) : random_(seed ^ 0x5eed) {
    double sigma2 = std::log(1 + model.service_variation * model.service_variation);
    times_ = std::lognormal_distribution<double>(std::log(model.service_mean) - sigma2 / 2, std::sqrt(sigma2));
  }
  double next() { return times_(random_); }

 private:
  std::mt19937_64 random_;
  std::lognormal_distribution<double> times_;
};

}  // namespace

std::vector<Request> poisson(const std::vector<Level>& levels, const ServiceModel& model, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(1);
  ServiceTimes service(model, seed);
  std::vector<Request> requests;
  double now = 0;
  for (const auto& level : levels) {
    double at = now;
    while ((at += gap(random) / level.rate) < level.until) requests.push_back({.arrival = at, .service = service.next()});
    now = level.until;
  }
  return requests;
}

Result<std::vector<Request>> trace(const std::string& path, const ServiceModel& model, std::uint64_t seed) {
  auto text = TRY(os::read_text(path, 64 * 1024 * 1024));
  ServiceTimes service(model, seed);
  std::vector<Request> requests;
  double first = -1;
  for (std::size_t at = text.find('\n') + 1; at < text.size();) {  // past the head
    int day = 0, hour = 0, minute = 0;
    double second = 0;
    if (std::sscanf(text.c_str() + at, "%*4d-%*2d-%2d %2d:%2d:%lf", &day, &hour, &minute, &second) != 4) {
      return make_error(Code::kInvalidArgument, "{}: byte {} begins no row of a trace", path, at);
    }
    double time = ((day * 24.0 + hour) * 60 + minute) * 60 + second;
    if (first < 0) first = time;
    requests.push_back({.arrival = time - first, .service = service.next()});
    auto end = text.find('\n', at);
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return requests;
}

}  // namespace zeropull::simulator
