#include "control/scaler/load_window.h"

#include <algorithm>
#include <cmath>

namespace zeropull::scaler {

double lower_bound(double count, double evidence) {
  if (count <= 0) return 0;
  // With m = count e^u: e^u - 1 - u = evidence / count, convex and falling for u < 0; Newton from the left never passes the root.
  double wanted = evidence / count;
  double u = -1 - wanted;
  for (int i = 0; i < 12; ++i) {
    double e = std::exp(u);
    double step = (e - 1 - u - wanted) / (e - 1);
    u -= step;
    if (std::abs(step) < 1e-9) break;
  }
  return count * std::exp(u);
}

void LoadWindow::add(double elapsed, double arrivals, double at_work) {
  busy_ += at_work * (elapsed - now_);
  arrivals_ += arrivals;
  now_ = elapsed;
  if (now_ - edge(current_).elapsed < kBinSeconds) return;
  ++current_;
  if (current_ - first_ >= edges_.size()) ++first_;
  edges_[current_ % edges_.size()] = {.elapsed = now_, .arrivals = arrivals_, .busy = busy_, .mark = 0};
}

void LoadWindow::mark(double sure_rate) {
  auto& bin = edges_[current_ % edges_.size()];
  bin.mark = std::max(bin.mark, sure_rate);
}

std::uint64_t LoadWindow::bin_before(double seconds) const {
  double wanted = now_ - seconds;
  std::uint64_t low = first_, high = current_;  // the answer lies in [low, high]
  while (low < high) {
    auto middle = low + (high - low + 1) / 2;
    if (edge(middle).elapsed <= wanted + 1e-6) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

LoadWindow::Sum LoadWindow::last(double seconds) const {
  const auto& from = edge(bin_before(seconds));
  return {.seconds = now_ - from.elapsed, .arrivals = arrivals_ - from.arrivals, .busy = busy_ - from.busy};
}

double LoadWindow::highest_mark(double seconds) const {
  double highest = 0;
  for (auto bin = bin_before(seconds); bin <= current_; ++bin) highest = std::max(highest, edge(bin).mark);
  return highest;
}

double LoadWindow::dispersion() const {
  double squares = 0, total = 0, before = 0, later = last(kBlockSeconds * kBlocksLeftOut).arrivals;
  int blocks = 0;
  double until = std::min(known_seconds(), kBinSeconds * (kBins - 2));
  for (double back = kBlockSeconds * (kBlocksLeftOut + 1); back <= until; back += kBlockSeconds, ++blocks) {
    double sum = last(back).arrivals, count = sum - later;
    if (blocks > 0) squares += (count - before) * (count - before) / 2;
    later = sum;
    before = count;
    total += count;
  }
  if (blocks < kBlocksMin || total <= 0) return 1;
  return std::max(1.0, squares / (blocks - 1) / (total / blocks));
}

const std::vector<double>& LoadWindow::scales() {
  static const std::vector<double> all = [] {
    std::vector<double> widths;
    for (double width = kBinSeconds; width <= kBinSeconds * (kBins - 2); width += std::max(kBinSeconds, width / 8)) {
      widths.push_back(width);
    }
    return widths;
  }();
  return all;
}

void ServiceTime::add(double passed_seconds, double completed, double service_seconds) {
  double kept = std::exp(-passed_seconds / kServiceMemorySeconds);
  count_ = count_ * kept + completed;
  sum_ = sum_ * kept + service_seconds;
}

}  // namespace zeropull::scaler
