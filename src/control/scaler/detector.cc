#include "control/scaler/detector.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "control/scaler/sentences.h"

namespace zeropull::scaler {

namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Rounds up, but not for the last digits of a division.
int whole(double copies) { return static_cast<int>(std::min(std::ceil(copies - 1e-6), 1e6)); }

std::string requests(double count) { return counted(count, "request", "requests"); }
std::string waiting(double count) { return fmt::format("{} {}", requests(count), agreeing(count, "waits", "wait")); }
std::string copies_are(int count) { return fmt::format("{} {}", counted(count, "copy", "copies"), agreeing(count, "is", "are")); }

// One look at a component: everything that decide() derives from state, policy and input.
class Look {
 public:
  Look(DetectorState& state, const DetectorPolicy& policy, const ScaleInput& input)
      : state_(state),
        policy_(policy),
        input_(input),
        target_(std::max(policy.target, 1e-3)),
        limit_(std::max(policy.copy_limit > 0 ? policy.copy_limit : target_ / kTargetShare, target_)) {
    double in_copies = input.in_flight - std::min(input.held, input.in_flight);
    room_ = limit_ * std::max(input.copies_ready, 0);
    overload_ = room_ > 0 ? std::max(1.0, in_copies / room_) : 1;
    at_work_ = std::min(in_copies, room_);
    decision_.desired = input.desired;
    auto& evidence = decision_.evidence;
    evidence.backlog = input.in_flight - at_work_;
    evidence.pending = std::max(input.desired - input.copies_ready, 0);
  }

  ScaleDecision run() {
    bool counts = remember();
    service_ = std::max(state_.service.sure(), 1e-3);
    decision_.evidence.service_seconds = service_;
    decision_.evidence.sized_for = input_.desired * target_ / service_;
    if (!bound()) {
      // At zero only a request that waits counts: what came before was answered, or the number would not be zero.
      if (!wake() && counts && input_.desired > 0 && !grow()) shrink();
    }
    if (decision_.desired != input_.desired) {
      state_.settled = state_.elapsed;
      state_.quiet.reset();
    }
    return std::move(decision_);
  }

 private:
  // Adds what came since the last look; false where nothing can be said about it.
  bool remember() {
    auto last = state_.last;
    state_.last = input_;
    if (last && last->desired != input_.desired) state_.settled = state_.elapsed;  // another ordered, or our order was taken
    if (!last || input_.now <= last->now || input_.now - last->now > kTickMax) return false;
    if (input_.arrivals < last->arrivals || input_.completed < last->completed) return false;
    double passed = seconds(input_.now - last->now);
    state_.elapsed += passed;
    state_.load.add(state_.elapsed, static_cast<double>(input_.arrivals - last->arrivals), at_work_ + stuck());
    // A copy with more than it can work on at once takes longer over each: that is no longer service, it is waiting.
    state_.service.add(passed, static_cast<double>(input_.completed - last->completed),
                       std::max(0.0, input_.service_seconds - last->service_seconds) / overload_);
    return true;
  }

  // Requests beyond what copies can work on speak for more copies only where none is starting and where the ready ones would not
  // have cleared them by the time that another had started and answered its first request.
  double stuck() const {
    double backlog = decision_.evidence.backlog;
    if (backlog <= 0 || decision_.evidence.pending > 0) return 0;
    auto recent = state_.load.last(kRecentSeconds);
    double rate = recent.seconds > 0 ? recent.arrivals / recent.seconds : 0;
    double spare = room_ / state_.service.mean() - rate;
    if (spare > 0 && backlog / spare <= seconds(input_.start_time) + state_.service.mean()) return 0;
    return backlog * kStuckWeight;
  }

  bool bound() {
    int bounded = std::clamp(input_.desired, policy_.copies_min, std::max(policy_.copies_min, policy_.copies_max));
    if (bounded == input_.desired) return false;
    decision_.desired = bounded;
    decision_.evidence.cause = ScaleCause::kBounds;
    decision_.reason =
        fmt::format("the copy count {} lies outside of {} to {}", input_.desired, policy_.copies_min, policy_.copies_max);
    return true;
  }

  bool wake() {
    // Requests at work in copies that end are no reason: they are answered there.
    if (input_.desired > 0 || input_.held == 0 || !policy_.scale_out) return false;
    // Those that wait arrived just now: what they need at once is all that is known.
    int wanted = std::max(1, whole(input_.held / limit_));
    decision_.evidence.cause = ScaleCause::kWake;
    decision_.evidence.count = input_.held;
    return raise(wanted, fmt::format("{} and there is no copy", waiting(input_.held)));
  }

  bool grow() {
    if (!policy_.scale_out) return false;
    double plain = evidence_needed(), dispersion = state_.load.dispersion();
    double evidence = plain * dispersion;
    double sure_rate = 0, sure_burst = 0, strongest = 0;
    LoadWindow::Sum seen;
    for (double scale : LoadWindow::scales()) {
      auto sum = state_.load.last(scale);
      double rate = lower_bound(sum.arrivals, evidence) / sum.seconds;
      sure_rate = std::max(sure_rate, rate);
      if (scale <= kBurstSeconds) sure_burst = sure_rate;
      double against = evidence_against(sum.arrivals, decision_.evidence.sized_for * sum.seconds);
      if (against > strongest) {
        strongest = against;
        seen = sum;
      }
      if (scale >= state_.load.known_seconds()) break;
    }
    state_.load.mark(sure_burst);
    if (strongest > evidence) {
      state_.change = state_.elapsed - seen.seconds;
      state_.change_seen = state_.elapsed;
      return grow_to(seen, std::max(sure_rate, estimate(seen)), input_.desired + 1);
    }
    if (state_.change && state_.elapsed - state_.change_seen < kAdjustSeconds) {
      auto sum = state_.load.last(state_.elapsed - *state_.change);
      if (grow_to(sum, estimate(sum), 0)) return true;
    } else {
      state_.change.reset();
    }
    return grow_by_concurrency(plain * std::min(dispersion, kBurstsInFlight));
  }

  // Arrivals between false alarms are e^evidence on average, or more (Lorden): no correction was needed from 0.1 to 32 a second.
  double evidence_needed() const {
    auto longest = state_.load.last(kBinSeconds * kBins);
    double rate = longest.seconds > 0 ? longest.arrivals / longest.seconds : 0;
    return std::log(std::max(seconds(policy_.false_alarm_time), 1.0) * (1 + rate));
  }

  static double evidence_against(double count, double mean) {
    if (count <= mean) return 0;
    return mean > 0 ? count * std::log(count / mean) - (count - mean) : count * 1e3;
  }

  // A window that was chosen because it is high is likely to be a little too high.
  static double estimate(const LoadWindow::Sum& sum) {
    return std::max(0.0, sum.arrivals - kEstimateCaution * std::sqrt(sum.arrivals)) / std::max(sum.seconds, kBinSeconds);
  }

  bool grow_to(const LoadWindow::Sum& seen, double rate, int least) {
    double copies = rate * service_ / target_;
    // What will wait by the time that new copies are ready, and has to be worked off beside the load.
    double missing = std::max(0.0, rate - room_ / service_);
    double backlog = decision_.evidence.backlog + missing * seconds(input_.start_time);
    copies = std::max(copies, (rate + backlog / kDrainSeconds) * service_ / limit_);
    int wanted = std::max(whole(copies), least);
    if (wanted <= input_.desired) return false;
    auto& evidence = decision_.evidence;
    evidence.cause = ScaleCause::kArrivals;
    evidence.window_seconds = seen.seconds;
    evidence.count = seen.arrivals;
    evidence.rate = rate;
    return raise(wanted, fmt::format("{} in {:.1f} s {} more than the {:.2f} a second that {} sized for at {:.2f} s each",
                                     requests(seen.arrivals), seen.seconds, agreeing(seen.arrivals, "is", "are"),
                                     evidence.sized_for, copies_are(input_.desired), service_));
  }

  // Requests at work are Poisson at any moment; their mean over a window is as good as one count for each two service times.
  bool grow_by_concurrency(double evidence) {
    double capacity = input_.desired * target_, strongest = 0, mean = 0;
    LoadWindow::Sum seen;
    for (double scale : LoadWindow::scales()) {
      auto sum = state_.load.last(scale);
      double counts = std::max(1.0, sum.seconds / (2 * service_));
      double against = evidence_against(sum.busy / sum.seconds * counts, capacity * counts);
      if (against > strongest) {
        strongest = against;
        seen = sum;
        mean = sum.busy / sum.seconds;
      }
      if (scale >= state_.load.known_seconds()) break;
    }
    if (strongest <= evidence) return false;
    decision_.evidence.cause = ScaleCause::kConcurrency;
    decision_.evidence.window_seconds = seen.seconds;
    decision_.evidence.count = seen.arrivals;
    decision_.evidence.rate = seen.arrivals / seen.seconds;
    decision_.evidence.concurrency = mean;
    return raise(std::max(whole(mean / target_), input_.desired + 1),
                 fmt::format("{:.1f} requests were at work in the last {:.1f} s, more than the {:.1f} that {} sized for", mean,
                             seen.seconds, capacity, copies_are(input_.desired)));
  }

  // To what the busiest part of the window needs with a tenth unused, and its bursts with all of each copy.
  void shrink() {
    double window = seconds(std::max(policy_.scale_in_window, kScaleInWindowMin));
    double looked_at = std::min(window, kBinSeconds * (kBins - 2));
    if (!policy_.scale_in || state_.elapsed - state_.settled < looked_at) return;
    auto sum = state_.load.last(looked_at);
    double rate = 0, at_work = 0;
    LoadWindow::Sum after;  // of the parts of the window, each alone, the busiest counts
    for (int part = 1; part <= kWindowParts; ++part) {
      auto with = state_.load.last(looked_at * part / kWindowParts);
      double length = with.seconds - after.seconds;
      if (length > 0) {
        rate = std::max(rate, (with.arrivals - after.arrivals) / length);
        at_work = std::max(at_work, (with.busy - after.busy) / length);
      }
      after = with;
    }
    double demand = std::max(rate * state_.service.mean(), at_work) / kScaleInShare;
    demand =
        std::max(demand, state_.load.highest_mark(looked_at) * service_ * target_ / limit_);  // a burst may use all of a copy
    bool idle = sum.arrivals == 0 && sum.busy == 0 && input_.in_flight == 0;
    int fewer = std::max(idle ? 0 : std::max(1, whole(demand / target_)), policy_.copies_min);
    if (fewer >= input_.desired) return state_.quiet.reset();
    // While a busy part leaves the window, the number falls: what it falls to is wanted, in one step.
    double part = looked_at / kWindowParts;
    if (!state_.quiet) {
      state_.quiet = state_.elapsed;
      state_.quiet_copies = 0;
    }
    double quiet = state_.elapsed - *state_.quiet;
    if (quiet < part) return;
    state_.quiet_copies = std::max(state_.quiet_copies, fewer);
    if (quiet < window - looked_at + part) return;
    decision_.desired = state_.quiet_copies;
    auto& evidence = decision_.evidence;
    evidence.cause = ScaleCause::kQuiet;
    evidence.window_seconds = window;
    evidence.count = sum.arrivals;
    evidence.rate = rate;
    evidence.concurrency = at_work;
    decision_.reason = fmt::format("in the last {:.0f} s no more than {} of {} {} needed ({} in {:.0f} s, {:.2f} s each)", window,
                                   decision_.desired, counted(input_.desired, "copy", "copies"),
                                   agreeing(input_.desired, "was", "were"), requests(sum.arrivals), sum.seconds, service_);
  }

  bool raise(int wanted, std::string why) {
    wanted = std::min(wanted, policy_.copies_max);
    if (wanted <= input_.desired) return false;
    decision_.desired = wanted;
    decision_.reason = std::move(why);
    auto& evidence = decision_.evidence;
    if (evidence.pending > 0) {
      decision_.reason += fmt::format("; {} of them {} starting", evidence.pending, agreeing(evidence.pending, "is", "are"));
    }
    if (evidence.backlog >= 1) decision_.reason += "; " + waiting(evidence.backlog);
    return true;
  }

  DetectorState& state_;
  const DetectorPolicy& policy_;
  const ScaleInput& input_;
  ScaleDecision decision_;
  double target_, limit_;  // requests per copy: aimed at, and at most at work
  double room_, at_work_;  // requests that ready copies can work on, and do
  double overload_, service_ = kServiceSecondsGuess;
};

}  // namespace

ScaleDecision decide(DetectorState& state, const DetectorPolicy& policy, const ScaleInput& input) {
  return Look(state, policy, input).run();
}

}  // namespace zeropull::scaler
