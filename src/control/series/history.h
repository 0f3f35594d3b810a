// The 1 s points of one series, compressed in memory: runs of equal seconds, in chunks that are dropped whole. Times may come in
// any order. Not thread-safe: a shard's lock guards it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/series/point.h"
#include "control/series/point_codec.h"

namespace zeropull::series {

class History {
 public:
  // From this second on every point is here. What came before may lie on disk alone.
  std::int64_t complete_from = INT64_MIN;

  void add(std::int64_t second, Point point);
  // Drops chunks whose points are all before `oldest`.
  void drop_before(std::int64_t oldest);
  bool empty() const { return length_ == 0 && chunks_.empty(); }
  std::size_t bytes() const;

  // Calls visit(second, point) for each second in [from, to) that has one; a second that was added twice comes twice.
  template <typename Visit>
  void visit(std::int64_t from, std::int64_t to, Visit visit) const {
    for (const auto& chunk : chunks_) {
      if (chunk.last < from || chunk.first >= to) continue;
      ByteReader reader(chunk.bytes);
      std::int64_t begin = 0;
      while (!reader.at_end()) {
        begin += reader.signed_varint();
        const auto length = static_cast<std::int64_t>(reader.varint());
        const auto point = reader.point();
        visit_run(begin, length, point, from, to, visit);
      }
    }
    visit_run(begin_, length_, point_, from, to, visit);
  }

 private:
  struct Chunk {
    std::int64_t first = INT64_MAX, last = INT64_MIN;  // seconds that have points
    std::int64_t before = 0;                           // the begin of the run that was written last
    std::size_t runs = 0;
    std::string bytes;
  };
  template <typename Visit>
  static void visit_run(std::int64_t begin, std::int64_t length, const Point& point, std::int64_t from, std::int64_t to,
                        Visit& visit) {
    for (auto second = std::max(begin, from); second < std::min(begin + length, to); ++second) visit(second, point);
  }
  void write_run();
  void drop(std::size_t chunk);

  // The run that the next second may make longer.
  std::int64_t begin_ = 0, length_ = 0;
  Point point_;
  std::vector<Chunk> chunks_;
  std::size_t runs_ = 0;
};

}  // namespace zeropull::series
