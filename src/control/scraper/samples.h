// From what a container answers to points of metrics. read_answer() keeps of the text what names a metric and can be shown again;
// Increases turns one answer after the other into observations, as CloudWatch's own agent does: a gauge is what it is, a counter
// what it grew by, a histogram the observations that came into its buckets (their sum exact, percentiles to the bucket), a
// summary those that it counted, at their mean. Pure; one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/scraper/targets.h"
#include "control/series/exposition.h"
#include "control/series/series.h"

namespace zeropull::scraper {

struct Answer {
  std::vector<series::Family> families{};
  std::size_t left_out = 0;  // lines that are no sample, and samples that are past the limits (limits.h) or not in plain ASCII
};
// kInvalidArgument: nothing in it is a sample; kResourceExhausted: past the limits of the parser.
Result<Answer> read_answer(std::string_view body);

struct ScrapedPoint {
  std::string metric{};
  Labels labels{};
  std::vector<series::Observation> observations{};  // finite; counts are positive
};

class Increases {
 public:
  // What the answer adds to those before it. Of the first that has a counter, it says nothing: who knows since when that counts.
  // `left_out` grows by the samples for which there is no room (kSeriesOfCopyMax).
  std::vector<ScrapedPoint> take(const std::vector<series::Family>& families, std::size_t& left_out);
  std::size_t size() const { return known_.size(); }  // series

 private:
  struct Counted {
    bool known = false;
    double sum = 0, count = 0;           // a counter is a sum alone
    std::map<double, double> buckets{};  // observations up to each finite bound
  };
  static std::map<Labels, Counted> counted(const series::Family& family);
  static std::vector<series::Observation> came(const Counted& now, const Counted& before);
  // nullptr: there is no room for another.
  Counted* find(const std::string& metric, const Labels& labels);
  void take_gauge(const series::Family& family);
  void take_counter(const series::Family& family);
  void take_distribution(const series::Family& family);

  std::map<std::pair<std::string, Labels>, Counted> known_;
  std::vector<ScrapedPoint> points_;  // of the call
  std::size_t left_out_ = 0;          // of the call
};

// CloudWatch's unit, by the name's ending.
std::string_view unit_of(std::string_view metric);

}  // namespace zeropull::scraper
