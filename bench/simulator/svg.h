// Curves over time as an SVG file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace zeropull::simulator {

struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // seconds, value
  bool steps = true;                              // holds its value until the next point
};
struct Chart {
  std::string title, vertical;
  std::vector<Curve> curves;
};

Result<void> write_svg(const std::string& path, const Chart& chart);

}  // namespace zeropull::simulator
