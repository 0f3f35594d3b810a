// The questions that the simulator answers; each prints its table, draws its curves and returns whether its limits hold.
#pragma once

#include <string>

#include "base/result.h"
#include "world.h"

namespace zeropull::simulator {

struct Setting {
  std::string traces;   // the folder of the traces
  std::string results;  // the folder of the curves
  int seeds = 200;      // of a step
  int days = 10;        // of steady load at each rate
};

Result<bool> run_steps(const Setting& setting);   // detection time of a step, with its curve
Result<bool> run_steady(const Setting& setting);  // false alarms
Result<bool> run_traces(const Setting& setting);  // copy-hours, failed, late, flapping

}  // namespace zeropull::simulator
