// MetricsPage: what `/metrics` says, in Prometheus's text format: requests, latency and held requests of each component, copies
// and instances by state, starts with their bytes and seconds, what containers say of themselves, and the server's own figures.
// Labels name account, endpoint and component, so the page is the operator's: it has a listener of its own, on loopback unless he
// says otherwise.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/autoscaler/loads.h"
#include "control/series/exposition.h"
#include "control/series/series.h"
#include "control/state/state.h"

namespace zeropull::server {

struct MetricsInput {
  const state::View& view;
  const std::map<std::string, autoscaler::ComponentLoad>& loads;  // by component uid
  series::StoreUsage points;
  std::vector<series::Family> scraped;              // what containers say of themselves
  std::size_t connections = 0, buffered_bytes = 0;  // of the router
};
std::string metrics_page(MetricsInput in);

}  // namespace zeropull::server
