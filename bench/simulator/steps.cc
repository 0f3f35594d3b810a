#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "autoscalers.h"
#include "experiments.h"
#include "load.h"
#include "svg.h"

namespace zeropull::simulator {

namespace {

constexpr double kRate = 2, kStepAt = 900, kAfter = 600;
constexpr double kMedianMax = 5, kLateMax = 10;  // seconds, of the fourfold step

int copies_for(double rate, const ServiceModel& model) {
  return static_cast<int>(std::ceil(rate * model.service_mean / model.target() - 1e-9));
}

struct Detection {
  std::vector<double> seconds;  // sorted; kAfter where it never came
  double failed = 0, late = 0, copies = 0;
  double percentile(double p) const { return seconds[std::min(seconds.size() - 1, std::size_t(p * double(seconds.size())))]; }
};

// An autoscaler that notes when the wish first reached what is needed.
class Watched : public Autoscaler {
 public:
  Watched(Autoscaler& inner, double from, int enough) : inner_(inner), from_(from), enough_(enough) {}
  double tick() const override { return inner_.tick(); }
  int decide(const Reading& reading) override {
    int wanted = inner_.decide(reading);
    if (reached_ < 0 && reading.now >= from_ && wanted >= enough_) reached_ = reading.now;
    return wanted;
  }
  double delay() const { return reached_ < 0 ? kAfter : reached_ - from_; }

 private:
  Autoscaler& inner_;
  double from_, reached_ = -1;
  int enough_;
};

std::vector<Request> step_load(double factor, double step_at, const ServiceModel& model, std::uint64_t seed) {
  return poisson({{.until = step_at, .rate = kRate}, {.until = step_at + kAfter, .rate = kRate * factor}}, model, seed);
}

// Where in the minute the step falls is the luck of a rival with a long period: each seed has its own.
double step_time(int seed) { return kStepAt + std::fmod(seed * 37.0 + 0.25 * seed, 60.0); }

Detection detect(const Contestant& contestant, double factor, const ServiceModel& model, int seeds) {
  Detection found;
  int needed = copies_for(kRate * factor, model), enough = static_cast<int>(std::ceil(0.8 * needed));
  for (int seed = 1; seed <= seeds; ++seed) {
    double at = step_time(seed);
    auto requests = step_load(factor, at, model, static_cast<std::uint64_t>(seed));
    auto autoscaler = contestant.create(model);
    Watched watched(*autoscaler, at, enough);
    auto outcome = simulate(requests, model, watched, {.copies = copies_for(kRate, model), .end = at + kAfter});
    found.seconds.push_back(watched.delay());
    found.failed += double(outcome.failed) / seeds;
    found.late += double(outcome.late) / seeds;
    found.copies += outcome.curve.back().desired / double(seeds);
  }
  std::ranges::sort(found.seconds);
  return found;
}

Result<void> draw(const Setting& setting, const ServiceModel& model) {
  Chart chart{.title = "SIMULATION: fourfold step of 2 requests a second, copies ordered", .vertical = "copies", .curves = {}};
  double at = step_time(1);
  Curve needed{.name = "needed", .points = {}};
  for (double time : {at - 60, at, at + 300})
    needed.points.push_back({time - at, copies_for(time < at ? kRate : kRate * 4, model)});
  chart.curves.push_back(needed);
  for (const auto& contestant : contestants()) {
    auto autoscaler = contestant.create(model);
    auto outcome =
        simulate(step_load(4, at, model, 1), model, *autoscaler, {.copies = copies_for(kRate, model), .end = at + 301});
    Curve curve{.name = contestant.name, .points = {}};
    for (const auto& point : outcome.curve) {
      if (point.time >= at - 60) curve.points.push_back({point.time - at, point.desired});
    }
    chart.curves.push_back(std::move(curve));
  }
  return write_svg(setting.results + "/simulation_step.svg", chart);
}

}  // namespace

Result<bool> run_steps(const Setting& setting) {
  bool good = true;
  for (double start : {10.0, 60.0}) {
    ServiceModel model{.start = start};
    fmt::print(
        "\nSIMULATION: a step from {} requests a second, service {} s, {} requests a copy, target {:.1f}, start {} s, {} seeds\n",
        kRate, model.service_mean, model.copy_limit, model.target(), start, setting.seeds);
    fmt::print(
        "seconds until 80 % of the needed copies are ordered, median (95th percentile); for x4 also requests failed and late of "
        "{:.0f}, and copies ordered at the end\n",
        kRate * (kStepAt + 30) + 4 * kRate * kAfter);
    fmt::print("{:<22}{:>18}{:>18}{:>18}{:>10}{:>10}{:>10}\n", "", "x2", "x4", "x8", "failed", "late", "copies");
    for (const auto& contestant : contestants()) {
      auto two = detect(contestant, 2, model, setting.seeds), four = detect(contestant, 4, model, setting.seeds),
           eight = detect(contestant, 8, model, setting.seeds);
      auto cell = [](const Detection& found) {
        return fmt::format("{:.1f} ({:.1f})", found.percentile(0.5), found.percentile(0.95));
      };
      fmt::print("{:<22}{:>18}{:>18}{:>18}{:>10.1f}{:>10.1f}{:>10.1f}\n", contestant.name, cell(two), cell(four), cell(eight),
                 four.failed, four.late, four.copies);
      if (contestant.create != own_detector) continue;
      bool held = four.percentile(0.5) <= kMedianMax && four.percentile(0.95) <= kLateMax;
      fmt::print("  limit: x4 in {} s at the median and {} s at the 95th percentile: {}\n", kMedianMax, kLateMax,
                 held ? "held" : "MISSED");
      good = good && held;
    }
    if (start == 10) TRY(draw(setting, model));
  }
  return good;
}

}  // namespace zeropull::simulator
