// Every limit and constant of the series room, with its reason.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::series {

// Of keys: PutMetricData's (CloudWatch API Reference).
inline constexpr std::size_t kNamespaceMax = 255, kMetricMax = 255;
inline constexpr std::size_t kDimensionsMax = 30, kDimensionNameMax = 255, kDimensionValueMax = 1024;
inline constexpr std::size_t kAccountMax = 64;
// Ten times what the product is measured with; an idle series takes half a KiB.
inline constexpr std::size_t kSeriesMax = 1'000'000;

// Of values: PutMetricData's range is 2^360 either way.
inline constexpr int kValueExponentMax = 360;

// Of sketches: the relative error of a percentile while few buckets are needed, and how many are kept. 256 buckets are 4 KiB in
// memory for the two open points of a series, and about half a KiB on disk.
inline constexpr double kSketchError = 0.01;
inline constexpr std::size_t kBucketsMax = 256;

// Tiers, as CloudWatch has them, with a finer one in front.
inline constexpr std::int64_t kSecondsKept = 15 * 60;
struct Tier {
  std::int64_t period;  // seconds
  std::int64_t kept;    // seconds
};
inline constexpr std::array<Tier, 4> kTiers{{{10, 3 * 3600}, {60, 15 * 86400}, {300, 63 * 86400}, {3600, 455 * 86400}}};

// How long after a period's end its point is written: observations that come later make a second row, which costs disk.
inline constexpr std::int64_t kGraceSeconds = 1;
inline constexpr std::chrono::seconds kFlushInterval{2};

// Runs of 1 s points that a series holds at most, twice what 15 minutes have: the clock may be set back again and again.
inline constexpr std::size_t kRunsMax = 2 * static_cast<std::size_t>(kSecondsKept);
// Points that wait for the disk, in each shard of 256 series: four minutes of 10 s points. Past it the oldest are dropped.
inline constexpr std::size_t kWaitingMax = 24UL * 256;
// A block that repeats nothing comes at least once in so many periods of its tier.
inline constexpr std::int64_t kWholeEvery = 30;

// Of one query: as GetMetricData's 100,800 datapoints.
inline constexpr std::int64_t kDatapointsMax = 100'800;
inline constexpr std::size_t kListPageMax = 500;

// Of metric math: GetMetricData's expressions have at most 2,048 characters. Nesting is bounded by what recursion may take.
inline constexpr std::size_t kExpressionMax = 2048;
inline constexpr int kExpressionDepthMax = 50;
inline constexpr std::size_t kQueriesMax = 500;
// Series that one SEARCH gives at most; the rest is left out, as CloudWatch does.
inline constexpr std::size_t kSearchSeriesMax = 500;
// Values in all intermediate results of one list of queries together: 64 MiB.
inline constexpr std::size_t kMathValuesMax = 4'000'000;

// Of a container's /metrics: vLLM answers 60 KiB; past these somebody does not mean well.
inline constexpr std::size_t kExpositionMax = 4 * kMiB;
inline constexpr std::size_t kExpositionSamplesMax = 50'000, kExpositionLabelsMax = 64, kExpositionLineMax = 16 * kKiB;

}  // namespace zeropull::series
