// simulator TRACES RESULTS [SEEDS] [DAYS]: our detector against AWS's alarms, Knative's KPA and Kubernetes' HPA in a simulated
// service. Exits with 1 when a limit is missed.
#include <fmt/core.h>

#include <cstdlib>

#include "experiments.h"

namespace {

using namespace zeropull;

Result<bool> run(const simulator::Setting& setting) {
  bool steps = TRY(simulator::run_steps(setting));
  bool steady = TRY(simulator::run_steady(setting));
  bool traces = TRY(simulator::run_traces(setting));
  return steps && steady && traces;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: simulator TRACES RESULTS [SEEDS] [DAYS]\n");
    return 2;
  }
  simulator::Setting setting{.traces = argv[1], .results = argv[2]};
  if (argc > 3) setting.seeds = std::max(1, std::atoi(argv[3]));
  if (argc > 4) setting.days = std::max(1, std::atoi(argv[4]));
  auto held = run(setting);
  if (!held) fmt::print(stderr, "simulator: {}\n", held.error().message());
  return held && *held ? 0 : 1;
}
