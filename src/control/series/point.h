// A point: what is known of all observations of one series in one period. Count, sum, minimum and maximum exactly; for
// percentiles a sketch of logarithmic buckets, made only when there is more than one distinct value. Points of adjoining periods
// add up to the point of the longer period, so that every tier answers alike.
//
// The sketch is that of Epicoco et al., "UDDSketch: Accurate Tracking of Quantiles in Data Streams" (2020): buckets of width
// gamma = (1 + a) / (1 - a); when there are more than kBucketsMax, each two neighbours become one and a roughly doubles. a is 1 %
// while the values of a point span a factor of 160, 2 % up to 28,000, 4 % up to 10^8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "control/series/statistic.h"

namespace zeropull::series {

// Counts by logarithmic bucket. Zero has a bucket of its own, and what is nearer to zero than 2^-360; negative values mirror.
struct Sketch {
  struct Bucket {
    std::int16_t key;  // sorts as the values do
    double count;
    bool operator==(const Bucket&) const = default;
  };
  std::uint8_t level = 0;  // how many times neighbours were joined
  std::vector<Bucket> buckets;

  void add(double value, double count);
  void merge(const Sketch& other);
  // The value below or at which `rank` observations lie; the buckets must not be empty.
  double value_at(double rank) const;
  bool operator==(const Sketch&) const = default;

 private:
  void put(std::int16_t key, double count);
  void join_neighbours();
};

struct Point {
  double count = 0;  // CloudWatch allows fractions
  double sum = 0;
  double minimum = 0;
  double maximum = 0;
  bool opaque = false;             // a statistic set came in whose values nobody knows: no percentiles
  std::unique_ptr<Sketch> sketch;  // null while all observations have one value, or opaque

  Point() = default;
  Point(Point&&) noexcept = default;
  Point& operator=(Point&&) noexcept = default;
  Point clone() const;

  bool empty() const { return count == 0; }
  void add(double value, double count_of_it = 1);
  // A statistic set without values. One whose minimum is its maximum is as good as values.
  void add_set(double sample_count, double total, double least, double most);
  void merge(const Point& other);
  // nullopt: no observation, or a percentile of what is opaque.
  std::optional<double> statistic(const Statistic& wanted) const;
  bool operator==(const Point& other) const;
};

}  // namespace zeropull::series
