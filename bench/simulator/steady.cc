#include <fmt/core.h>

#include <cmath>

#include "autoscalers.h"
#include "experiments.h"
#include "load.h"

namespace zeropull::simulator {

namespace {

constexpr double kDay = 86400, kWarm = 3600;

struct Moves {
  int outs = 0, ins = 0;
  double copy_hours = 0;
};

Moves steady(const Contestant& contestant, double rate, const ServiceModel& model, int days) {
  Moves moves;
  for (int day = 0; day < days; ++day) {
    auto requests = poisson({{.until = kWarm + kDay, .rate = rate}}, model, static_cast<std::uint64_t>(1000 + day));
    auto autoscaler = contestant.create(model);
    int copies = std::max(1, static_cast<int>(std::ceil(rate * model.service_mean / model.target())));
    auto outcome = simulate(requests, model, *autoscaler, {.copies = copies, .end = kWarm + kDay, .counted_from = kWarm});
    moves.outs += outcome.scale_outs;
    moves.ins += outcome.scale_ins;
    moves.copy_hours += outcome.copy_hours() / (kWarm + kDay) * kDay / days;
  }
  return moves;
}

}  // namespace

Result<bool> run_steady(const Setting& setting) {
  ServiceModel model;
  fmt::print(
      "\nSIMULATION: steady Poisson load, {} days at each rate after an hour of warming up: scale-outs a day, each a false alarm "
      "(scale-ins a day; copies on average)\n{:<22}",
      setting.days, "");
  const std::vector<double> rates{0.1, 0.5, 2, 8, 32};
  for (double rate : rates) fmt::print("{:>22}", fmt::format("{} requests/s", rate));
  fmt::print("\n");
  bool good = true;
  for (const auto& contestant : contestants()) {
    bool own = contestant.create == own_detector;
    fmt::print("{:<22}", contestant.name);
    double own_at_two = 0;
    for (double rate : rates) {
      int days = own ? setting.days : std::min(setting.days, 1);
      auto moves = steady(contestant, rate, model, days);
      if (own && rate == 2) own_at_two = double(moves.outs) / days;
      fmt::print("{:>22}", fmt::format("{:.1f} ({:.1f}; {:.1f})", double(moves.outs) / days, double(moves.ins) / days,
                                       moves.copy_hours / 24));
    }
    fmt::print("\n");
    if (!own) continue;
    bool held = own_at_two <= 1;
    fmt::print("  limit: at most one a day at 2 requests/s: {}\n", held ? "held" : "MISSED");
    good = good && held;
  }
  return good;
}

}  // namespace zeropull::simulator
