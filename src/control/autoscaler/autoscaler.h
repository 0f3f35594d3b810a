// Autoscaler: the loop that makes endpoints grow and shrink. It turns what the router counts into metrics, lets our own detector
// and AWS's alarms look at them, and writes the capacities that they ask for into the records; the fleet does the rest.
//
// One thread looks four times a second, and at once when a request waits for a copy that is not there; what nobody asks and
// nobody changes is looked at once a second. What it decides is committed together with the activity that says so (decisions.h).
// What it remembers beside that, a detector's evidence above all, is lost with the process: a new one sees nothing before new
// evidence, and so does nothing. Times that mean evidence are steady ones, times that mean points and schedules are the wall's; a
// jump of either is no evidence of anything.
//
// All methods may be called from any thread; wake() never blocks for long and is made for the router's.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/guarded.h"
#include "base/result.h"
#include "control/autoscaler/alarm_watch.h"
#include "control/autoscaler/decisions.h"
#include "control/autoscaler/loads.h"
#include "control/autoscaler/readings.h"
#include "control/autoscaler/schedules.h"
#include "control/autoscaler/target_decisions.h"

namespace zeropull::autoscaler {

// The references outlive it; the functions may be called from its thread at any time.
struct AutoscalerParts {
  state::State& state;
  series::Store& metrics;
  std::function<router::RouterStats()> traffic;
  // The last report of each of these instances; absent: no metrics of use.
  std::function<Reports(const std::vector<std::string>& instance_ids)> reports = {};
  ScalingSettings settings = {};
  Clock& clock = Clock::system();
  Random& random = Random::secure();
};

class Autoscaler {
 public:
  explicit Autoscaler(AutoscalerParts parts);
  ~Autoscaler();  // stop()

  void start();  // the thread; tests call run_once() instead
  void stop();   // idempotent

  // A request of this component waits and no copy has room.
  void wake(const std::string& component_uid);
  std::optional<TargetInsight> insight(const ResourceName& resource);
  // The router's counters as they were at the last look.
  std::map<std::string, ComponentLoad> loads();

  // One look. An error is of the disk.
  Result<void> run_once(const Context& ctx);

 private:
  struct Memory {
    TargetMemory target;
    ExpectedStart start;
    SteadyTime start_read = {};
    std::string uid;                                 // of the component that it is asked through; "": several
    state::Revision revision = 0;                    // of the target, and ..
    std::uint64_t arrivals = 0, without_copies = 0;  // .. what had come, at the last look
    bool at_work = false;                            // something was on its way then
    std::uint64_t looked = 0;                        // number of the look that found the target last
  };
  struct Looked {
    TargetNow now;
    Memory* memory;
  };
  struct Invoked {
    std::vector<std::string> alarm_keys, policy_ids;
  };
  struct Shared {
    bool woken = false;
    bool activities = false;                                  // some were written
    std::vector<std::pair<std::string, std::string>> starts;  // timeline entries that were written: endpoint uid, id
    std::map<ResourceName, TargetInsight> insights;
    std::map<std::string, ComponentLoad> loads;
  };

  void loop(std::stop_token stop);
  Moment now() const;
  Result<void> every_second(const Context& ctx, const Moment& moment);
  void count_starts(const Moment& moment);
  // Those that something happened to; of `all` each. A target that nobody asks is looked at once a second, which the detector can
  // bear: many targets are such.
  std::vector<Looked> read_targets(const Moment& moment, const std::map<ResourceName, Invoked>& invoked, bool all);
  bool rests(const Memory& memory, state::Revision revision) const;
  ExpectedStart start_of(const state::View& view, const ScalingResource& resource, Memory& memory, const Moment& moment);
  std::map<ResourceName, Invoked> invoked_targets();
  std::optional<Decision> decide(const Looked& target, const Invoked* invoked, const Moment& moment);
  Result<void> carry_out(const Context& ctx, const Decision& decision, const Invoked* invoked);
  Result<void> write_alarms(const Context& ctx);
  void keep_insight(const std::vector<Looked>& targets);

  AutoscalerParts parts_;
  Ledger ledger_;
  Schedules schedules_;
  Loads loads_;
  Readings readings_;
  AlarmWatch alarms_;
  std::unordered_map<std::string, Memory> memory_;  // by the target's id
  std::uint64_t look_ = 0;
  std::int64_t second_ = 0;  // of the last every_second()
  Guarded<Shared> shared_;
  std::unique_ptr<state::State::Subscription> subscription_;
  std::jthread thread_;
};

}  // namespace zeropull::autoscaler
