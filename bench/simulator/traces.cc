#include <fmt/core.h>

#include <map>

#include "autoscalers.h"
#include "experiments.h"
#include "load.h"
#include "svg.h"

namespace zeropull::simulator {

namespace {

constexpr int kSeeds = 5;

struct Trace {
  std::string name, file;
  bool bursts = false;  // the limit against KPA, else the one against HPA
};
const std::vector<Trace> kTraces{{"Azure code trace", "azure_llm_2023_code", true},
                                 {"Azure conversation trace", "azure_llm_2023_conv", false}};

Result<void> draw(const std::string& path, const Trace& trace, const std::map<std::string, Outcome>& outcomes,
                  const ServiceModel& model) {
  Chart chart{.title = fmt::format("SIMULATION: {}, copies ordered, start {} s, service {} s", trace.name, model.start,
                                   model.service_mean),
              .vertical = "copies",
              .curves = {}};
  Curve demand{.name = "requests in flight / target (own)", .points = {}, .steps = false};
  for (const auto& point : outcomes.at(contestants().front().name).curve) {
    if (int(point.time) % 5 == 0) demand.points.push_back({point.time, point.in_flight / model.target()});
  }
  chart.curves.push_back(std::move(demand));
  for (const auto& contestant : contestants()) {
    Curve curve{.name = contestant.name, .points = {}};
    for (const auto& point : outcomes.at(contestant.name).curve) {
      if (int(point.time) % 2 == 0) curve.points.push_back({point.time, double(point.desired)});
    }
    chart.curves.push_back(std::move(curve));
  }
  return write_svg(path, chart);
}

Result<bool> run_trace(const Setting& setting, const Trace& trace, const ServiceModel& model) {
  std::vector<std::vector<Request>> loads;  // the same arrivals with other service times
  for (int seed = 1; seed <= kSeeds; ++seed) {
    auto load = TRY(simulator::trace(setting.traces + "/" + trace.file + ".csv", model, static_cast<std::uint64_t>(seed)));
    loads.push_back(std::move(load));
  }
  double end = loads[0].back().arrival + 60;
  fmt::print("\nSIMULATION: {}: {} requests, service {} s, {} requests a copy, target {:.1f}, start {} s, deadline {} s\n",
             trace.name, loads[0].size(), model.service_mean, model.copy_limit, model.target(), model.start, model.deadline,
             kSeeds);
  fmt::print("{:<22}{:>12}{:>10}{:>14}{:>12}{:>12}\n", "", "copy-hours", "failed", "late (> 5 s)", "scale-outs", "scale-ins");
  std::map<std::string, Outcome> outcomes;
  for (const auto& contestant : contestants()) {
    Outcome sum;
    for (const auto& requests : loads) {
      auto autoscaler = contestant.create(model);
      auto outcome = simulate(requests, model, *autoscaler, {.copies = model.copies_min, .end = end});
      sum.copy_seconds += outcome.copy_seconds;
      sum.failed += outcome.failed;
      sum.late += outcome.late;
      sum.scale_outs += outcome.scale_outs;
      sum.scale_ins += outcome.scale_ins;
      if (sum.curve.empty()) sum.curve = std::move(outcome.curve);
    }
    fmt::print("{:<22}{:>12.2f}{:>10.1f}{:>14.1f}{:>12.1f}{:>12.1f}\n", contestant.name, sum.copy_hours() / kSeeds,
               double(sum.failed) / kSeeds, double(sum.late) / kSeeds, double(sum.scale_outs) / kSeeds,
               double(sum.scale_ins) / kSeeds);
    outcomes.emplace(contestant.name, std::move(sum));
  }
  TRY(draw(
      fmt::format("{}/simulation_{}_start_{}s_service_{}s.svg", setting.results, trace.file, model.start, model.service_mean),
      trace, outcomes, model));
  const auto& own = outcomes.at(contestants().front().name);
  const auto& kpa = outcomes.at("Knative KPA");
  const auto& hpa = outcomes.at("Kubernetes HPA");
  bool held = trace.bursts ? own.copy_seconds <= kpa.copy_seconds && own.failed_or_late() <= kpa.failed_or_late()
                           : own.scale_ins <= hpa.scale_ins;
  fmt::print("  limit: {}: {}\n",
             trace.bursts ? "no more copy-hours than KPA at no more failed or late" : "no more scale-ins than HPA",
             held ? "held" : "MISSED");
  return held;
}

}  // namespace

Result<bool> run_traces(const Setting& setting) {
  bool good = true;
  for (const auto& trace : kTraces) {
    for (const auto& model :
         {ServiceModel{.start = 10}, ServiceModel{.start = 60}, ServiceModel{.service_mean = 4, .start = 10}}) {
      bool held = TRY(run_trace(setting, trace, model));
      // The detector's constants were chosen with services of 10 s in view; the last is for comparison.
      good = good && (held || model.service_mean != ServiceModel().service_mean);
    }
  }
  return good;
}

}  // namespace zeropull::simulator
