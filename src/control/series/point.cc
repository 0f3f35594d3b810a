#include "control/series/point.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "control/series/limits.h"

namespace zeropull::series {

namespace {

// Keys: 0 is zero, kMiddle + i the bucket (gamma^(i-1), gamma^i] of positive values, its negative that of negative ones. At level
// 0 and 2^360, |i| is below 12,500, so that keys of either sign never meet zero and fit 16 bits.
constexpr int kMiddle = 16'000;
const double kLogGamma = std::log((1 + kSketchError) / (1 - kSketchError));

double log_gamma(std::uint8_t level) { return std::ldexp(kLogGamma, level); }

std::int16_t key_of_value(double value, std::uint8_t level) {
  const double size = std::abs(value);
  if (size < std::ldexp(1.0, -kValueExponentMax)) return 0;
  const double bounded = std::min(size, std::ldexp(1.0, kValueExponentMax));
  const int key = kMiddle + static_cast<int>(std::ceil(std::log(bounded) / log_gamma(level)));
  return static_cast<std::int16_t>(value < 0 ? -key : key);
}

double value_of_key(std::int16_t key, std::uint8_t level) {
  if (key == 0) return 0;
  const double width = log_gamma(level);
  // The value whose relative distance to both of the bucket's edges is the same: 2 gamma^i / (gamma + 1).
  const double size = 2 * std::exp((std::abs(key) - kMiddle) * width) / (std::exp(width) + 1);
  return key < 0 ? -size : size;
}

// Bucket i of one level lies in bucket ceil(i / 2) of the next.
std::int16_t joined(std::int16_t key) {
  if (key == 0) return 0;
  const int i = std::abs(key) - kMiddle;
  const int next = kMiddle + (i > 0 ? (i + 1) / 2 : i / 2);
  return static_cast<std::int16_t>(key < 0 ? -next : next);
}

}  // namespace

void Sketch::put(std::int16_t key, double count) {
  auto at = std::ranges::lower_bound(buckets, key, {}, &Bucket::key);
  if (at != buckets.end() && at->key == key) {
    at->count += count;
  } else {
    buckets.insert(at, {key, count});
  }
}

void Sketch::join_neighbours() {
  std::vector<Bucket> fewer;
  for (const auto& bucket : buckets) {
    const auto key = joined(bucket.key);
    if (!fewer.empty() && fewer.back().key == key) {
      fewer.back().count += bucket.count;
    } else {
      fewer.push_back({key, bucket.count});
    }
  }
  buckets = std::move(fewer);
  ++level;
}

void Sketch::add(double value, double count) {
  put(key_of_value(value, level), count);
  while (buckets.size() > kBucketsMax) join_neighbours();
}

void Sketch::merge(const Sketch& other) {
  while (level < other.level) join_neighbours();
  for (const auto& bucket : other.buckets) {
    auto key = bucket.key;
    for (auto at = other.level; at < level; ++at) key = joined(key);
    put(key, bucket.count);
  }
  while (buckets.size() > kBucketsMax) join_neighbours();
}

double Sketch::value_at(double rank) const {
  CHECK(!buckets.empty());
  double below = 0;
  for (const auto& bucket : buckets) {
    below += bucket.count;
    if (below >= rank) return value_of_key(bucket.key, level);
  }
  return value_of_key(buckets.back().key, level);
}

Point Point::clone() const {
  Point copy;
  copy.count = count;
  copy.sum = sum;
  copy.minimum = minimum;
  copy.maximum = maximum;
  copy.opaque = opaque;
  if (sketch != nullptr) copy.sketch = std::make_unique<Sketch>(*sketch);
  return copy;
}

void Point::add(double value, double count_of_it) { add_set(count_of_it, value * count_of_it, value, value); }

void Point::add_set(double sample_count, double total, double least, double most) {
  Point other;
  other.count = sample_count;
  other.sum = total;
  other.minimum = least;
  other.maximum = most;
  other.opaque = least != most;
  merge(other);
}

void Point::merge(const Point& other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other.clone();
    return;
  }
  opaque = opaque || other.opaque;
  if (opaque) {
    sketch.reset();
  } else if (sketch != nullptr || other.sketch != nullptr || minimum != other.minimum) {
    if (sketch == nullptr) {
      sketch = std::make_unique<Sketch>();
      sketch->add(minimum, count);
    }
    if (other.sketch != nullptr) {
      sketch->merge(*other.sketch);
    } else {
      sketch->add(other.minimum, other.count);
    }
  }
  count += other.count;
  sum += other.sum;
  minimum = std::min(minimum, other.minimum);
  maximum = std::max(maximum, other.maximum);
}

std::optional<double> Point::statistic(const Statistic& wanted) const {
  if (empty()) return std::nullopt;
  switch (wanted.kind) {
    case Statistic::Kind::kSampleCount: return count;
    case Statistic::Kind::kSum: return sum;
    case Statistic::Kind::kAverage: return sum / count;
    case Statistic::Kind::kMinimum: return minimum;
    case Statistic::Kind::kMaximum: return maximum;
    case Statistic::Kind::kPercentile: break;
  }
  if (minimum == maximum || wanted.percentile <= 0) return minimum;
  if (wanted.percentile >= 100) return maximum;
  if (sketch == nullptr) return std::nullopt;
  // Nearest rank: the least value at or below which that share of the observations lies. The error of a sum of fractions must not
  // lift it to the next observation.
  const double rank = wanted.percentile / 100 * count;
  return std::clamp(sketch->value_at(rank * (1 - 1e-12)), minimum, maximum);
}

bool Point::operator==(const Point& other) const {
  if (count != other.count || sum != other.sum || minimum != other.minimum || maximum != other.maximum) return false;
  if (opaque != other.opaque || (sketch == nullptr) != (other.sketch == nullptr)) return false;
  return sketch == nullptr || *sketch == *other.sketch;
}

}  // namespace zeropull::series
