// The detector's memory of a component's load: arrivals, and requests at work in copies, in bins of half a second over ten
// minutes, with sums over any window that ends now. Times are the detector's own elapsed seconds. Values; not thread-safe.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "control/scaler/limits.h"

namespace zeropull::scaler {

// The smallest Poisson mean that does not make `count` an alarm: the m <= count with count ln(count/m) - (count - m) = evidence.
double lower_bound(double count, double evidence);

class LoadWindow {
 public:
  struct Sum {
    double seconds = 0;
    double arrivals = 0;
    double busy = 0;  // integral of requests at work: copy-seconds of demand
  };
  // What came between the last time and `elapsed`, during which `at_work` requests were in copies.
  void add(double elapsed, double arrivals, double at_work);
  // The rate of bursts that is sure now.
  void mark(double sure_rate);
  // Over the last `seconds`, or fewer where less is known; begins at the edge of a bin.
  Sum last(double seconds) const;
  // The highest mark of the last `seconds`.
  double highest_mark(double seconds) const;
  // How much more arrivals vary than Poisson's would: variance over mean of counts of ten seconds, by successive differences, so
  // that a step counts once. The last blocks are left out: what is tested now must not speak against itself. 1 where too little
  // is known.
  double dispersion() const;
  double known_seconds() const { return now_ - edge(first_).elapsed; }
  // Windows to look at, shortest first: at first each bin's width more, then an eighth more.
  static const std::vector<double>& scales();

 private:
  struct Edge {
    double elapsed = 0, arrivals = 0, busy = 0;  // cumulative, where the bin begins
    double mark = 0;                             // the highest within the bin
  };
  const Edge& edge(std::uint64_t bin) const { return edges_[bin % edges_.size()]; }
  std::uint64_t bin_before(double seconds) const;  // the newest bin that begins at least so long ago, or the oldest

  std::array<Edge, kBins> edges_ = {};
  std::uint64_t first_ = 0, current_ = 0;  // bins whose edges are kept
  double now_ = 0, arrivals_ = 0, busy_ = 0;
};

// Mean service time of recent requests; a guess counts as one of them.
class ServiceTime {
 public:
  void add(double passed_seconds, double completed, double service_seconds);
  double mean() const { return sum_ / count_; }
  // Lower by a standard deviation of that mean (service times vary about as much as they are long).
  double sure() const { return mean() * (1 - 1 / std::sqrt(1 + count_)); }

 private:
  double count_ = 1, sum_ = kServiceSecondsGuess;
};

}  // namespace zeropull::scaler
