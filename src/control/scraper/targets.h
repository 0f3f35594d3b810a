// Which copies are scraped: those that serve, whose container says where its metrics are, or whose endpoint asks for all. A pure
// function of the records.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/state/state.h"

namespace zeropull::scraper {

using Labels = std::map<std::string, std::string>;

struct Target {
  std::string copy_id, account;
  std::string address;     // "host:port" where the router reaches it
  std::string path = {};   // "/metrics"
  int every_s = 0;         // from scrape to scrape
  Labels dimensions = {};  // CloudWatch's, of the copy
  Labels of_variant = {};  // those of its component or variant alone
  Labels labels = {};      // of the operator's page
  bool operator==(const Target&) const = default;
};

std::vector<Target> targets_of(const state::View& view);

}  // namespace zeropull::scraper
