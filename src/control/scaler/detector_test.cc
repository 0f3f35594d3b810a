#include "control/scaler/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <queue>
#include <random>

namespace zeropull::scaler {
namespace {

using namespace std::chrono_literals;

// A component under Poisson load whose copies start after a time and never refuse a request; looked at twice a second.
class Component {
 public:
  explicit Component(std::uint64_t seed, double service = 10) : random_(seed), service_(service) {}

  DetectorPolicy policy{.copies_min = 1, .copies_max = 100, .target = 5};
  ScaleInput input{.now = SteadyTime(1h), .desired = 4, .copies_ready = 4, .start_time = 10s};
  ScaleDecision decision;
  int scale_outs = 0, scale_ins = 0;
  double time = 0;

  void set_service(double seconds) { service_ = seconds; }

  // Runs for so long at so many requests a second, or until the condition holds after a look.
  template <typename Until>
  double run(double seconds, double rate, Until until) {
    double begin = time;
    while (time < begin + seconds) {
      time += 0.5;
      input.now += 500ms;
      if (rate > 0) arrive(rate);
      while (!ends_.empty() && ends_.top().first <= time) {
        ++input.completed;
        --input.in_flight;
        input.service_seconds += ends_.top().second;
        ends_.pop();
      }
      while (!starting_.empty() && starting_.front() <= time) {
        ++input.copies_ready;
        starting_.pop();
      }
      input.held = input.copies_ready > 0 ? 0 : input.in_flight;
      look();
      if (until()) break;
    }
    return time - begin;
  }
  double run(double seconds, double rate) {
    return run(seconds, rate, [] { return false; });
  }
  void look() {
    decision = decide(*state_, policy, input);
    if (decision.desired > input.desired) ++scale_outs;
    if (decision.desired < input.desired) ++scale_ins;
    for (; input.desired < decision.desired; ++input.desired) starting_.push(time + seconds_of_start());
    if (decision.desired < input.desired) {
      input.desired = decision.desired;
      input.copies_ready = std::min(input.copies_ready, input.desired);
      starting_ = {};
    }
  }

 private:
  double seconds_of_start() const { return std::chrono::duration<double>(input.start_time).count(); }
  void arrive(double rate) {
    int count = std::poisson_distribution<int>(rate * 0.5)(random_);
    for (int i = 0; i < count; ++i) {
      double service =
          std::lognormal_distribution<double>(std::log(service_) - std::log(2.0) / 2, std::sqrt(std::log(2.0)))(random_);
      ends_.push({time + service, service});
    }
    input.arrivals += static_cast<std::uint64_t>(count);
    input.in_flight += static_cast<std::uint32_t>(count);
  }

  std::mt19937_64 random_;
  double service_;
  std::priority_queue<std::pair<double, double>, std::vector<std::pair<double, double>>, std::greater<>> ends_;
  std::queue<double> starting_;
  std::unique_ptr<DetectorState> state_ = std::make_unique<DetectorState>();
};

TEST(LowerBound, is_the_mean_at_which_a_count_is_just_that_much_evidence) {
  for (double count : {1.0, 7.0, 100.0, 5000.0}) {
    for (double evidence : {0.01, 1.0, 13.0}) {
      double mean = lower_bound(count, evidence);
      EXPECT_GT(mean, 0);
      EXPECT_LT(mean, count);
      EXPECT_NEAR(count * std::log(count / mean) - (count - mean), evidence, 1e-6 * std::max(1.0, evidence));
    }
  }
  EXPECT_EQ(lower_bound(0, 5), 0);
}

TEST(LoadWindow, sums_windows_that_begin_at_a_bins_edge_and_forgets_what_is_older_than_its_bins) {
  auto load = std::make_unique<LoadWindow>();
  for (int i = 1; i <= 10000; ++i) load->add(i * 0.5, 2, 3);
  auto last = load->last(10);
  EXPECT_DOUBLE_EQ(last.seconds, 10);
  EXPECT_DOUBLE_EQ(last.arrivals, 40);
  EXPECT_DOUBLE_EQ(last.busy, 30);
  EXPECT_NEAR(load->last(1e9).seconds, kBinSeconds * kBins, 1);
  EXPECT_NEAR(load->known_seconds(), kBinSeconds * kBins, 1);
}

TEST(Detector, orders_four_fifths_of_what_a_fourfold_step_needs_within_seconds) {
  std::vector<double> delays;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Component component(seed);
    component.run(600, 2);
    delays.push_back(component.run(60, 8, [&] { return component.input.desired >= 13; }));  // 80 / 5 = 16 are needed
  }
  std::ranges::sort(delays);
  EXPECT_LE(delays[20], 5);
  EXPECT_LE(delays[38], 10);
}

TEST(Detector, leaves_a_steady_load_alone) {
  for (double rate : {0.2, 2.0, 10.0}) {
    int outs = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      Component component(seed);
      component.input.desired = component.input.copies_ready = static_cast<int>(std::ceil(rate * 10 / 5));
      component.run(1800, rate);
      component.scale_outs = 0;
      component.run(6 * 3600, rate);
      outs += component.scale_outs;
    }
    EXPECT_LE(outs, 1) << rate << " requests a second, in a day";
  }
}

TEST(Detector, sees_service_times_grow_while_arrivals_stay) {
  Component component(3);
  component.run(600, 2);
  component.set_service(30);
  component.run(120, 2, [&] { return component.input.desired >= 7; });
  EXPECT_GE(component.input.desired, 7);
  component.run(480, 2, [&] { return component.input.desired >= 10; });
  EXPECT_GE(component.input.desired, 10);  // 60 / 5 = 12 are needed
  EXPECT_EQ(component.decision.evidence.cause, ScaleCause::kConcurrency) << component.decision.reason;
}

TEST(Detector, scales_in_after_the_window_and_not_before) {
  Component component(4);
  component.input.desired = component.input.copies_ready = 16;
  component.run(600, 8);
  EXPECT_GE(component.input.desired, 16);
  component.scale_ins = 0;
  component.run(100, 2);
  EXPECT_EQ(component.scale_ins, 0);
  component.run(800, 2);
  EXPECT_LE(component.input.desired, 7);
  EXPECT_GE(component.input.desired, 4);
}

TEST(Detector, does_not_flap_with_a_load_that_swings_by_a_fifth) {
  Component component(5);
  component.input.desired = component.input.copies_ready = 10;
  component.run(1200, 5);
  component.scale_ins = component.scale_outs = 0;
  for (int i = 0; i < 60; ++i) component.run(60, 5 + std::sin(i * 0.4));
  EXPECT_LE(component.scale_ins, 4);  // the hour has four swings
}

TEST(Detector, scales_in_at_most_once_in_a_window_whatever_bursts_come) {
  Component component(5);
  component.run(600, 2);
  component.scale_ins = 0;
  double begin = component.time;
  for (int i = 0; i < 20; ++i) {
    component.run(50, 0.5);
    component.run(20, 12);
  }
  EXPECT_LE(component.scale_ins, (component.time - begin) / 180 + 1);
}

TEST(Detector, goes_to_zero_after_a_silent_window_only_when_the_policy_allows) {
  for (int least : {0, 1}) {
    Component component(6);
    component.policy.copies_min = least;
    component.run(300, 0.5);
    component.run(900, 0);
    EXPECT_EQ(component.input.desired, least) << component.input.in_flight << " in flight, " << component.scale_ins;
  }
}

TEST(Detector, one_request_in_the_window_keeps_the_last_copy) {
  Component component(7);
  component.policy.copies_min = 0;
  component.input.desired = component.input.copies_ready = 1;
  component.run(600, 0);
  EXPECT_EQ(component.input.desired, 0);
  Component visited(7, 1);
  visited.policy.copies_min = 0;
  visited.input.desired = visited.input.copies_ready = 1;
  for (int i = 0; i < 20; ++i) {
    ++visited.input.arrivals;
    visited.run(170, 0);
  }
  EXPECT_EQ(visited.input.desired, 1);
}

TEST(Detector, the_first_request_wakes_a_component_at_zero_at_the_first_look) {
  Component component(8);
  component.policy.copies_min = 0;
  component.input.desired = component.input.copies_ready = 0;
  component.input.arrivals = 1;
  component.input.in_flight = component.input.held = 1;
  component.look();
  EXPECT_EQ(component.decision.desired, 1);
  EXPECT_EQ(component.decision.evidence.cause, ScaleCause::kWake);
  EXPECT_THAT(component.decision.reason, ::testing::HasSubstr("no copy"));
}

TEST(Detector, a_request_at_work_in_a_copy_that_ends_wakes_nothing) {
  Component component(8);
  component.policy.copies_min = 0;
  component.input.desired = component.input.copies_ready = 0;
  component.input.arrivals = component.input.in_flight = 1;
  for (int i = 0; i < 20; ++i) component.look();
  EXPECT_EQ(component.input.desired, 0);
  component.input.arrivals = component.input.in_flight = 2;
  component.input.held = 1;
  component.look();
  EXPECT_EQ(component.decision.desired, 1);
  EXPECT_THAT(component.decision.reason, ::testing::HasSubstr("1 request waits"));
}

TEST(Detector, obeys_bounds_and_suspended_directions) {
  Component component(9);
  component.policy.copies_max = 6;
  component.run(600, 2);
  component.run(120, 20);
  EXPECT_EQ(component.input.desired, 6);

  Component suspended(9);
  suspended.policy.scale_out = false;
  suspended.run(600, 20);
  EXPECT_EQ(suspended.input.desired, 4);

  Component kept(9);
  kept.policy.scale_in = false;
  kept.input.desired = kept.input.copies_ready = 20;
  kept.run(600, 2);
  EXPECT_EQ(kept.input.desired, 20);

  Component raised(9);
  raised.policy.copies_min = 7;
  raised.look();
  EXPECT_EQ(raised.input.desired, 7);
  EXPECT_EQ(raised.decision.evidence.cause, ScaleCause::kBounds);
}

TEST(Detector, a_clock_that_jumps_an_hour_either_way_changes_nothing) {
  for (auto jump : {Duration(1h), Duration(-1h)}) {
    Component component(10);
    component.run(900, 2);
    component.scale_outs = component.scale_ins = 0;
    int desired = component.input.desired;
    for (int i = 0; i < 5; ++i) {
      component.input.now += jump;
      component.input.arrivals += jump > Duration(0) ? 0 : 500;  // what came meanwhile is of no known rate
      component.look();
      component.run(20, 2);
    }
    EXPECT_EQ(component.input.desired, desired);
    EXPECT_EQ(component.scale_outs + component.scale_ins, 0);
  }
}

TEST(Detector, counters_that_begin_anew_are_no_evidence) {
  Component component(11);
  component.run(900, 2);
  component.scale_outs = component.scale_ins = 0;
  component.input.arrivals = component.input.completed = 0;
  component.input.service_seconds = 0;
  component.run(60, 2);
  EXPECT_EQ(component.scale_outs + component.scale_ins, 0);
}

TEST(Detector, a_new_state_waits_for_its_own_window_before_it_scales_in) {
  Component component(12);
  component.input.desired = component.input.copies_ready = 10;
  component.run(170, 0);
  EXPECT_EQ(component.input.desired, 10);
}

TEST(Detector, explains_a_scale_out_in_a_sentence_with_its_figures) {
  Component component(13);
  component.run(600, 2);
  component.run(60, 8, [&] { return component.decision.evidence.cause == ScaleCause::kArrivals; });
  EXPECT_THAT(component.decision.reason,
              ::testing::ContainsRegex("[0-9]+ requests in [0-9.]+ s are more than the [0-9.]+ a second"));
  EXPECT_GT(component.decision.evidence.rate, component.decision.evidence.sized_for);
  EXPECT_GT(component.decision.evidence.count, 5);
}

}  // namespace
}  // namespace zeropull::scaler
