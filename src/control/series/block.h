// A block: the points of one period of the 256 series of a shard, as one row of the database. Blocks of a shard and tier make a
// chain in order of time, in which a series whose point is the one of the block before takes one bit. A whole block repeats
// nothing and comes at least every kWholeEvery periods: a reader begins at most so far before what it wants.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/series/point.h"

namespace zeropull::series {

inline constexpr std::size_t kShardSeries = 256;

enum class BlockKind : std::int64_t {
  kWhole = 0,    // begins a chain
  kChained = 1,  // may repeat the points before it
  kApart = 2,    // what came late, or for the future: no part of a chain; adds to what the period has
};

struct BlockPoint {
  std::uint8_t series;  // its place in the shard
  Point point;
};

struct Block {
  BlockKind kind;
  std::string bytes;
};

// What the writer remembers of the chain of one shard and tier.
class Chain {
 public:
  // `points`: in order of series, each once.
  Block next(std::int64_t start, std::int64_t period, const std::vector<BlockPoint>& points);
  // For what would break the chain's order.
  static Block apart(const std::vector<BlockPoint>& points);
  bool fits(std::int64_t start) const { return start > last_start_; }

 private:
  std::int64_t last_start_ = INT64_MIN;
  std::int64_t whole_start_ = INT64_MIN;
  std::vector<Point> last_;  // of each series; empty where it may not be repeated
};

// Reads the blocks of a chain, in order of start and then of writing, for one series (or for all of them).
class SeriesReader {
 public:
  explicit SeriesReader(std::uint8_t series) : series_(series) {}
  // The point that this block gives the series; null: none. Good until the next call. Damaged bytes read as nothing.
  const Point* next(BlockKind kind, std::string_view bytes);

 private:
  std::uint8_t series_;
  Point last_, apart_;
};

class ShardReader {
 public:
  ShardReader() : last_(kShardSeries) {}
  template <typename Visit>  // visit(series, point)
  void next(BlockKind kind, std::string_view bytes, Visit visit) {
    read(kind, bytes);
    for (std::size_t i = 0; i < kShardSeries; ++i) {
      if (here_[i] != nullptr) visit(i, *here_[i]);
    }
  }

 private:
  void read(BlockKind kind, std::string_view bytes);
  std::vector<Point> last_;
  std::array<Point, kShardSeries> apart_;
  std::array<const Point*, kShardSeries> here_{};
};

}  // namespace zeropull::series
