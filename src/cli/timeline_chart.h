// The timeline as text: each start of an instance or copy as a bar chart of its phases on one scale of seconds, with bytes,
// source, rate and, beside the time that it took, the floor: the bytes divided by the link's rate. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zeropull::cli {

struct ChartPhase {
  std::string name;    // "provision", "image", "model", "start", "healthy"
  double begin_s = 0;  // since the epoch
  double end_s = 0;    // 0: it goes on
  std::uint64_t bytes = 0;
  std::string source;  // "" where nothing was moved
  std::string reason;  // why not from a better source
};

struct ChartStart {
  std::string title;                  // "copy c-12 of qwen on i-34 (ml.g5.xlarge)"
  std::string outcome;                // "ready", "failed: .."
  std::uint64_t link_bits_per_s = 0;  // 0: not known, no floor
  std::vector<ChartPhase> phases;
};

// `now_s` ends what goes on; `width` of the bars, in characters.
std::string draw_timeline(const std::vector<ChartStart>& starts, double now_s, std::size_t width);

}  // namespace zeropull::cli
