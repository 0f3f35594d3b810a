#include "svg.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "os/file.h"

namespace zeropull::simulator {

namespace {

constexpr double kWidth = 960, kHeight = 420, kLeft = 60, kRight = 220, kTop = 40, kBottom = 40;
constexpr const char* kColours[] = {"#9aa0a6", "#d93025", "#1a73e8", "#8ab4f8", "#188038", "#f29900", "#9334e6"};

// A round number of about a fifth of the range.
double division(double range) {
  double rough = range / 5, power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

}  // namespace

Result<void> write_svg(const std::string& path, const Chart& chart) {
  double first = 1e18, last = -1e18, highest = 1;
  for (const auto& curve : chart.curves) {
    for (auto [time, value] : curve.points) {
      first = std::min(first, time);
      last = std::max(last, time);
      highest = std::max(highest, value);
    }
  }
  if (last <= first) return make_error(Code::kInvalidArgument, "the chart {} has no curve to draw", path);
  auto x = [&](double time) { return kLeft + (time - first) / (last - first) * (kWidth - kLeft - kRight); };
  auto y = [&](double value) { return kHeight - kBottom - value / highest * (kHeight - kTop - kBottom); };
  auto svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' font-family='sans-serif' font-size='12'>\n"
      "<rect width='{0}' height='{1}' fill='white'/>\n<text x='{2}' y='24' font-size='15'>{3}</text>\n",
      kWidth, kHeight, kLeft, chart.title);
  double across = division(last - first), up = division(highest);
  for (double time = std::ceil(first / across) * across + 0.0;  // no -0
       time <= last; time += across) {
    svg += fmt::format(
        "<path d='M{0:.1f} {1}V{2}' stroke='#eeeeee'/><text x='{0:.1f}' y='{3}' text-anchor='middle'>{4:.0f} s</text>\n", x(time),
        kTop, kHeight - kBottom, kHeight - kBottom + 18, time);
  }
  for (double value = 0; value <= highest; value += up) {
    svg += fmt::format("<path d='M{0} {1:.1f}H{2}' stroke='#eeeeee'/><text x='{3}' y='{1:.1f}' text-anchor='end'>{4:g}</text>\n",
                       kLeft, y(value), kWidth - kRight, kLeft - 6, value);
  }
  svg += fmt::format("<text x='14' y='{0}' transform='rotate(-90 14 {0})' text-anchor='middle'>{1}</text>\n", kHeight / 2,
                     chart.vertical);
  for (std::size_t i = 0; i < chart.curves.size(); ++i) {
    const auto& curve = chart.curves[i];
    const char* colour = kColours[i % std::size(kColours)];
    std::string line;
    for (auto [time, value] : curve.points) {
      if (line.empty()) {
        line = fmt::format("M{:.1f} {:.1f}", x(time), y(value));
      } else if (curve.steps) {
        line += fmt::format("H{:.1f}V{:.1f}", x(time), y(value));
      } else {
        line += fmt::format("L{:.1f} {:.1f}", x(time), y(value));
      }
    }
    svg += fmt::format("<path d='{}' fill='none' stroke='{}' stroke-width='1.5'/>\n", line, colour);
    double row = kTop + 18.0 * static_cast<double>(i);
    svg += fmt::format("<path d='M{0} {1}h20' stroke='{2}' stroke-width='3'/><text x='{3}' y='{4}'>{5}</text>\n",
                       kWidth - kRight + 12, row, colour, kWidth - kRight + 38, row + 4, curve.name);
  }
  return os::replace_file(path, as_bytes(svg + "</svg>\n"), 0644);
}

}  // namespace zeropull::simulator
