// Scraper: the metrics that containers show of themselves, in Prometheus's text format, become series beside ours. Every copy
// that is to be scraped (targets.h) is asked at the address where the router reaches it, each at its own pace; what it answers is
// outside text (samples.h, limits.h). A container that does not answer, or answers what is none, is counted, logged once until it
// is well again, and asked less often; it harms nobody else.
//
// Points go to the namespace "Zeropull/Containers", under the copy's dimensions and the sample's labels; a label whose name is
// one of ours gets "exported_" before it, as with Prometheus. What was answered last is shown on the operator's page.
//
// One thread looks who is due; scrapes run on the executor, which must have run or dropped them all before the Scraper ends.
// families() may be called from any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/executor.h"
#include "base/guarded.h"
#include "control/scraper/limits.h"
#include "control/scraper/samples.h"
#include "control/scraper/targets.h"
#include "control/series/series.h"
#include "control/state/state.h"
#include "http/client.h"

namespace zeropull::scraper {

inline constexpr const char* kContainerNamespace = "Zeropull/Containers";

// How copies are asked: plain HTTP, no redirects, no proxy.
http::ClientOptions client_options();

// All outlive it.
struct ScraperParts {
  state::State& state;
  series::Store& metrics;
  http::HttpClient& http;  // of client_options()
  Executor& executor;
  Clock& clock = Clock::system();
  std::size_t series_max = kSeriesMax;
};

class Scraper {
 public:
  explicit Scraper(ScraperParts parts) : parts_(std::move(parts)) {}
  ~Scraper();  // stop()

  void start();  // the thread; tests call run_once() instead
  void stop();   // idempotent; scrapes that run are given up

  // Begins the scrapes that are due.
  void run_once();
  // What copies answered last, labelled, and how many scrapes of each went well and did not.
  std::vector<series::Family> families();

 private:
  struct Copy;
  using Copies = std::map<std::string, std::shared_ptr<Copy>>;  // by id
  std::vector<std::shared_ptr<Copy>> due();
  void scrape(Copy& copy);
  Result<Answer> ask(const Target& target) const;
  std::size_t put(Copy& copy, const Answer& answer, WallTime at);
  bool put_point(Copy& copy, const ScrapedPoint& point, WallTime at);

  const ScraperParts parts_;
  std::stop_source stop_;
  std::atomic<bool> full_ = false;  // the store has no room for more of containers' series
  SteadyTime counted_ = {};         // when that was looked at; of the one who calls run_once()
  Guarded<Copies> copies_;
  std::jthread thread_;
};

}  // namespace zeropull::scraper
