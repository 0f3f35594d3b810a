// The product's scaler in the simulated world: our detector every half second, and AWS's target tracking with its alarms.
#include <chrono>
#include <cmath>
#include <map>

#include "autoscalers.h"
#include "control/scaler/scalable_target.h"

namespace zeropull::simulator {

namespace {

class OwnDetector : public Autoscaler {
 public:
  explicit OwnDetector(const ServiceModel& model) : start_(model.start) {
    policy_.copies_min = model.copies_min;
    policy_.copies_max = model.copies_max;
    policy_.target = model.target();
    policy_.copy_limit = model.copy_limit;
  }
  double tick() const override { return 0.5; }
  int decide(const Reading& reading) override {
    scaler::ScaleInput input{.now = SteadyTime(duration(1 + reading.now)),
                             .arrivals = reading.arrivals,
                             .completed = reading.completed,
                             .service_seconds = reading.service_seconds,
                             .in_flight = static_cast<std::uint32_t>(reading.in_flight),
                             .held = static_cast<std::uint32_t>(reading.held),
                             .desired = reading.desired,
                             .copies_ready = reading.ready,
                             .start_time = duration(start_)};
    return scaler::decide(*state_, policy_, input).desired;
  }

 private:
  static Duration duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }
  double start_;
  scaler::DetectorPolicy policy_;
  std::unique_ptr<scaler::DetectorState> state_ = std::make_unique<scaler::DetectorState>();
};

// Application Auto Scaling's target tracking on concurrent requests per copy, with the default cooldowns of 300 s. The statistic
// is the mean, not SageMaker's maximum: a maximum of ten seconds is above a target that means an average most of the time. Points
// are published without delay; on AWS it takes a minute or two more.
class AwsAlarms : public Autoscaler {
 public:
  AwsAlarms(const ServiceModel& model, scaler::Resolution resolution)
      : high_(scaler::alarm_high({.target = model.target()}, resolution, "Average")),
        low_(scaler::alarm_low({.target = model.target()}, resolution, "Average")) {
    policy_.target = model.target();
    bounds_.capacity_min = model.copies_min;
    bounds_.capacity_max = model.copies_max;
  }
  double tick() const override { return static_cast<double>(high_.period); }
  int decide(const Reading& reading) override {
    // The world's looks are a period apart, at some phase of it: that of the alarm's periods.
    now_ += high_.period;
    double ready = reading.ready_seconds - last_.ready_seconds;
    if (ready > 0) {
      points_.push_back({.time = now_ - high_.period, .value = (reading.in_flight_seconds - last_.in_flight_seconds) / ready});
    }
    last_ = reading;
    if (points_.size() > 1000) points_.erase(points_.begin(), points_.begin() + 500);
    auto high = scaler::evaluate(high_, high_state_, points_, now_);
    auto low = scaler::evaluate(low_, low_state_, points_, now_);
    scaler::PolicyWish wish{.policy = "simulated", .alarm = "simulated", .capacity = {}};
    int base = scaler::capacity_base(target_, reading.desired, now_);
    double metric = points_.empty() ? 0 : points_.back().value;
    if (high.scaling_actions && high_state_.value == scaler::AlarmStateValue::kAlarm) {
      wish.capacity = scaler::scale_out_capacity(policy_, base, metric);
    } else if (low.scaling_actions && low_state_.value == scaler::AlarmStateValue::kAlarm) {
      wish.capacity = scaler::scale_in_capacity(policy_, reading.desired, metric);
    }
    auto outcome = scaler::combine(bounds_, target_, std::span(&wish, 1), reading.desired, now_);
    return outcome.capacity.value_or(reading.desired);
  }

 private:
  scaler::TargetTracking policy_;
  scaler::AlarmRule high_, low_;
  scaler::AlarmState high_state_, low_state_;
  scaler::TargetBounds bounds_;
  scaler::TargetState target_;
  std::vector<scaler::Datapoint> points_;
  std::int64_t now_ = 1'000'000'020;  // a multiple of 10 and of 60
  Reading last_;
};

}  // namespace

std::unique_ptr<Autoscaler> own_detector(const ServiceModel& model) { return std::make_unique<OwnDetector>(model); }
std::unique_ptr<Autoscaler> aws_alarms_10s(const ServiceModel& model) {
  return std::make_unique<AwsAlarms>(model, scaler::Resolution::kHigh);
}
std::unique_ptr<Autoscaler> aws_alarms_60s(const ServiceModel& model) {
  return std::make_unique<AwsAlarms>(model, scaler::Resolution::kStandard);
}

const std::vector<Contestant>& contestants() {
  static const std::vector<Contestant> all{{"own detector", own_detector},
                                           {"AWS alarms, 3 x 10 s", aws_alarms_10s},
                                           {"AWS alarms, 3 x 60 s", aws_alarms_60s},
                                           {"Knative KPA", knative_kpa},
                                           {"Kubernetes HPA", kubernetes_hpa}};
  return all;
}

}  // namespace zeropull::simulator
