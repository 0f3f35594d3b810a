#include "cli/timeline_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace zeropull::cli {

namespace {

std::string duration(double seconds) {
  return seconds < 1 ? fmt::format("{:.0f} ms", seconds * 1000) : fmt::format("{:.2f} s", seconds);
}

struct Scale {
  double begin_s = 0;
  double length_s = 0;
  std::size_t width = 0;
  std::size_t column(double at_s) const {
    auto part = std::clamp((at_s - begin_s) / length_s, 0.0, 1.0);
    return static_cast<std::size_t>(std::lround(part * static_cast<double>(width)));
  }
};

std::string bar(const Scale& scale, double begin_s, double end_s) {
  auto from = std::min(scale.column(begin_s), scale.width - 1);
  auto to = std::max(scale.column(end_s), from + 1);  // what took no time is still seen
  return std::string(from, ' ') + std::string(to - from, '#') + std::string(scale.width - to, ' ');
}

// "459 MB from store, 112 MB/s, floor 3.67 s".
std::string carried(const ChartPhase& phase, double seconds, std::uint64_t link_bits_per_s) {
  std::string text;
  if (phase.bytes > 0) {
    text = fmt::format("{} from {}", format_bytes(phase.bytes), phase.source);
    if (seconds > 0)
      text += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(static_cast<double>(phase.bytes) / seconds)));
    if (link_bits_per_s > 0) {
      text += ", floor " + duration(static_cast<double>(phase.bytes) * 8 / static_cast<double>(link_bits_per_s));
    }
  } else if (!phase.source.empty()) {
    text = "0 bytes, from " + phase.source;
  }
  if (!phase.reason.empty()) text += (text.empty() ? "" : "; ") + phase.reason;
  return text;
}

void draw_start(const ChartStart& start, double now_s, std::size_t width, std::string& out) {
  auto end_of = [&](const ChartPhase& phase) { return phase.end_s > 0 ? phase.end_s : std::max(now_s, phase.begin_s); };
  Scale scale{.width = width};
  double end_s = 0;
  for (const auto& phase : start.phases) {
    if (scale.begin_s == 0 || phase.begin_s < scale.begin_s) scale.begin_s = phase.begin_s;
    end_s = std::max(end_s, end_of(phase));
  }
  scale.length_s = std::max(end_s - scale.begin_s, 0.001);
  out += fmt::format("{}: {}", start.title, start.outcome);
  if (!start.phases.empty()) out += fmt::format(", {}", duration(end_s - scale.begin_s));
  out += '\n';
  for (const auto& phase : start.phases) {
    auto seconds = end_of(phase) - phase.begin_s;
    auto line = fmt::format("  {:<9} |{}| {:>8}{} {}", phase.name, bar(scale, phase.begin_s, end_of(phase)), duration(seconds),
                            phase.end_s > 0 ? " " : "+", carried(phase, seconds, start.link_bits_per_s));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

}  // namespace

std::string draw_timeline(const std::vector<ChartStart>& starts, double now_s, std::size_t width) {
  std::string out;
  for (const auto& start : starts) draw_start(start, now_s, std::max<std::size_t>(width, 1), out);
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace zeropull::cli
