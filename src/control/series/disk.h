// The database below the store: which series there are, their blocks, and how far coarser tiers have been made of finer ones. Not
// thread-safe; the store locks. Blocks are stored as text, whose bytes SQLite keeps as they are.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/series/block.h"
#include "control/series/limits.h"
#include "sqlite/database.h"

namespace zeropull::series {

inline constexpr std::int64_t kLongAgo = -(std::int64_t{1} << 40);  // before every time, and far from overflow

struct SeriesRow {
  std::int64_t id = 0;  // 256 * shard + place
  std::string key;      // canonical
  std::string unit;
  std::int64_t last = 0;  // second of the newest point, late by up to ten minutes; never early
};

// What a reader may believe of the disk: rows of transactions up to `seq`, and coarse tiers up to their `rolled`. Of the 10 s
// tier `rolled` is how far its chains go: a new one may not begin before it.
struct Progress {
  std::int64_t seq = 0;
  std::array<std::int64_t, kTiers.size()> rolled{kLongAgo, kLongAgo, kLongAgo, kLongAgo};
};

struct BlockPlace {
  std::size_t tier;  // of kTiers
  std::int64_t shard;
  std::int64_t start;
};

class Disk {
 public:
  static Result<Disk> open(const std::string& path);

  Result<std::vector<SeriesRow>> series();
  Result<Progress> progress();

  Result<sqlite::Transaction> begin() { return sqlite::Transaction::begin(database_); }
  Result<void> put_series(const SeriesRow& row);  // or replaces it
  Result<void> put_last(std::int64_t id, std::int64_t last);
  Result<void> remove_series(std::int64_t id);
  Result<void> put_block(const BlockPlace& place, std::int64_t seq, const Block& block);
  Result<void> put_progress(const Progress& progress);
  // Blocks of a shard that begin before `end`.
  Result<void> remove_blocks(const BlockPlace& end);

  // Calls visit(start, kind, bytes) in order of start, then of writing, for the blocks of a shard with begin.start <= start < end
  // of transactions up to seq.
  template <typename Visit>
  Result<void> visit_blocks(const BlockPlace& begin, std::int64_t end, std::int64_t seq, Visit visit) {
    auto rows = TRY(select_blocks(begin, end, seq));
    return rows.for_each_row([&]() -> Result<void> {
      visit(rows.integer(0), static_cast<BlockKind>(rows.integer(1)), rows.text(2));
      return {};
    });
  }
  void close() { database_.close(); }

 private:
  explicit Disk(sqlite::Database database) : database_(std::move(database)) {}
  Result<sqlite::Statement> select_blocks(const BlockPlace& begin, std::int64_t end, std::int64_t seq);
  sqlite::Database database_;
};

}  // namespace zeropull::series
