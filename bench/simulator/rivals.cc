// Knative's KPA and Kubernetes' HPA by their documents and sources, with their defaults.
#include <algorithm>
#include <cmath>
#include <deque>

#include "autoscalers.h"

namespace zeropull::simulator {

namespace {

// Knative serving, pkg/autoscaler/scaling/autoscaler.go and pkg/autoscaler/aggregation: concurrency in buckets of a second, a
// stable window of 60 s, a panic window of 6 s, a decision every 2 s; target-utilization 70 % of the container's concurrency.
class Kpa : public Autoscaler {
 public:
  explicit Kpa(const ServiceModel& model) : target_(model.target()) {}
  double tick() const override { return 1; }  // a bucket; every second look decides

  int decide(const Reading& reading) override {
    buckets_.push_back(reading.in_flight_seconds - seen_);
    seen_ = reading.in_flight_seconds;
    if (buckets_.size() > kStableBuckets) buckets_.pop_front();
    if (++looks_ % 2 != 0) return reading.desired;
    double ready = std::max(1, reading.ready);
    double most = std::ceil(kScaleUpMax * ready), least = std::floor(ready / kScaleDownMax);
    double stable = std::ceil(mean(kStableBuckets) / target_), panic = std::ceil(mean(kPanicBuckets) / target_);
    bool over = panic / ready >= kPanicThreshold;
    stable = std::clamp(stable, least, most);
    panic = std::clamp(panic, least, most);
    if (over) {
      panicking_ = true;
      panic_time_ = reading.now;
    } else if (panicking_ && reading.now > panic_time_ + kStableBuckets) {
      panicking_ = false;
      panic_most_ = 0;
    }
    if (!panicking_) return static_cast<int>(stable);
    panic_most_ = std::max({panic_most_, stable, panic});
    return static_cast<int>(panic_most_);
  }

 private:
  static constexpr std::size_t kStableBuckets = 60, kPanicBuckets = 6;
  static constexpr double kScaleUpMax = 1000, kScaleDownMax = 2, kPanicThreshold = 2;

  double mean(std::size_t count) const {
    count = std::min(count, buckets_.size());
    double sum = 0;
    for (std::size_t i = buckets_.size() - count; i < buckets_.size(); ++i) sum += buckets_[i];
    return sum / static_cast<double>(count);
  }

  double target_, seen_ = 0;
  std::deque<double> buckets_;
  int looks_ = 0;
  bool panicking_ = false;
  double panic_time_ = 0, panic_most_ = 0;
};

// Kubernetes' horizontal pod autoscaler (kubernetes.io, "Horizontal Pod Autoscaling", and pkg/controller/podautoscaler): a look
// every 15 s at a metric that is the mean since the scrape before, 15 s apart at another phase; tolerance 0.1; up by the larger
// of 100 % and 4 pods in 15 s; down by the highest of 300 s.
class Hpa : public Autoscaler {
 public:
  explicit Hpa(const ServiceModel& model) : target_(model.target()) {}
  double tick() const override { return kScrapeOffset; }

  int decide(const Reading& reading) override {
    int phase = looks_++ % 3;
    if (phase == 0 && reading.now > scraped_) {
      metric_ = (reading.in_flight_seconds - seen_) / (reading.now - scraped_);
      seen_ = reading.in_flight_seconds;
      scraped_ = reading.now;
    }
    if (phase != 1) return reading.desired;
    int current = reading.desired;
    double wanted = current;
    // Pods that are not ready count, as idle ones: the total over all pods. Where that turns the direction, nothing happens.
    double ratio = metric_ / (target_ * std::max(1, reading.ready));
    if (ratio > 1 && reading.ready < current) ratio = std::max(1.0, metric_ / (target_ * current));
    if (std::abs(ratio - 1) > kTolerance) {
      wanted = std::ceil(ratio * (ratio > 1 ? current : std::max(1, reading.ready)) - 1e-9);
    }
    wanted = std::min(wanted, std::max(2.0 * current, current + 4.0));
    recommended_.push_back({reading.now, wanted});
    while (recommended_.front().first < reading.now - kStabilisation) recommended_.pop_front();
    if (wanted < current) {
      for (const auto& [time, each] : recommended_) wanted = std::max(wanted, each);
      wanted = std::min(wanted, double(current));
    }
    return static_cast<int>(wanted);
  }

 private:
  static constexpr double kTolerance = 0.1, kStabilisation = 300, kScrapeOffset = 5;

  double target_, metric_ = 0, seen_ = 0, scraped_ = 0;
  int looks_ = 0;
  std::deque<std::pair<double, double>> recommended_;
};

}  // namespace

std::unique_ptr<Autoscaler> knative_kpa(const ServiceModel& model) { return std::make_unique<Kpa>(model); }
std::unique_ptr<Autoscaler> kubernetes_hpa(const ServiceModel& model) { return std::make_unique<Hpa>(model); }

}  // namespace zeropull::simulator
