// Readings: what the router counts and the records and reports say, as points of metrics: SageMaker's names, dimensions and
// units, and our own in the namespace "Zeropull" (docs/metrics.md lists them all). Points are put for the second in which
// something was seen, so that every statistic can be asked for at 1, 10 and 60 s; what a request adds is one observation, as on
// SageMaker. Where an endpoint's MetricsConfig asks for coarser points, what it governs is gathered and put at the end of each of
// its periods, for the last second of it. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/report.h"
#include "base/clock.h"
#include "control/autoscaler/loads.h"
#include "control/autoscaler/metric_writers.h"
#include "control/series/series.h"
#include "control/state/state.h"

namespace zeropull::autoscaler {

using Reports = std::map<std::string, std::shared_ptr<const agent::Report>>;  // by instance id

class Readings {
 public:
  explicit Readings(series::Store& metrics) : writers_(metrics) {}

  // Requests at work now: four times a second and more.
  void look(const state::View& view, const Loads& loads, WallTime now);
  // What came since the last call, once a second. `now` less than kReadingMax after it, or nothing is said of the time between.
  void read_second(const state::View& view, const Loads& loads, const Reports& reports, WallTime now);
  // A start that became ready or failed: cache hits, bytes, seconds by phase. Counted once an id.
  void count_start(const state::View& view, const state::TimelineEntry& entry, WallTime now);
  // Starts before this process began are not counted again.
  void know_starts(const state::View& view);

 private:
  struct Usage {
    std::shared_ptr<const agent::Report> told, published;  // the last one, and the one that points were made of last
    WallTime told_at = {}, published_at = {};              // when they came
    std::map<std::string, double> cpu_seconds;             // by copy id, as published
  };
  struct Last {
    ComponentLoad published;                       // when its invocations were put last
    std::uint64_t waited = 0, without_copies = 0;  // at the last reading
  };
  // A period of so many seconds (0: any second) has ended since the last reading.
  bool has_ended(int period_s, WallTime now) const;
  void read_load(const Dimensions& dimensions, const std::string& account, const MetricName& per, int ready,
                 const ComponentLoad& since, WallTime at);
  void read_variants(const state::View& view, const state::Endpoint& endpoint, const Loads& loads, WallTime at, bool publish);
  void read_copies(const state::View& view, const state::Endpoint& endpoint, const Loads& loads, WallTime at, bool publish);
  void read_usage(const state::View& view, const state::Endpoint& endpoint, const Reports& reports, WallTime now);
  void publish_usage(const state::View& view, const state::Endpoint& endpoint, const state::Instance& instance, Usage& usage,
                     WallTime now);
  void put_requests(const Dimensions& dimensions, const std::string& account, const Load& requests, const Load& copies,
                    WallTime at);

  MetricWriters writers_;
  std::map<std::string, Last> last_;         // by component uid
  std::map<std::string, Load> last_copies_;  // by copy id, of endpoints with enhanced metrics
  std::set<std::string> enhanced_;           // uids of these endpoints
  std::map<std::string, Usage> usage_;       // by instance id
  WallTime read_ = {};
  std::set<std::string> counted_;  // ids of starts
};

}  // namespace zeropull::autoscaler
