#include "control/series/disk.h"

namespace zeropull::series {

namespace {

constexpr std::int64_t kFormatVersion = 1;

Result<void> prepare_schema(sqlite::Database& database) {
  auto version = TRY(database.user_version());
  if (version == kFormatVersion) return {};
  if (version != 0) return make_error(Code::kDataLoss, "format version {}, where this program knows {}", version, kFormatVersion);
  // Rows of blocks are appended; the index is small beside them.
  return database.execute(fmt::format(
      "BEGIN;"
      "CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL, unit TEXT NOT NULL, last INTEGER NOT NULL);"
      "CREATE TABLE block (tier INTEGER NOT NULL, shard INTEGER NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,"
      "                    kind INTEGER NOT NULL, points TEXT NOT NULL);"
      "CREATE INDEX block_at ON block (tier, shard, start, seq);"
      "CREATE TABLE progress (seq INTEGER NOT NULL, rolled_0 INTEGER NOT NULL, rolled_1 INTEGER NOT NULL,"
      "                       rolled_2 INTEGER NOT NULL, rolled_3 INTEGER NOT NULL);"
      "INSERT INTO progress VALUES (0, {0}, {0}, {0}, {0});"
      "PRAGMA user_version={1}; COMMIT",
      kLongAgo, kFormatVersion));
}

}  // namespace

Result<Disk> Disk::open(const std::string& path) {
  auto database = TRY(sqlite::Database::open(path));
  TRY(prepare_schema(database).with_context("open {}", path));
  return Disk(std::move(database));
}

Result<std::vector<SeriesRow>> Disk::series() {
  std::vector<SeriesRow> found;
  auto select = TRY(database_.prepare("SELECT id, key, unit, last FROM series ORDER BY id"));
  TRY(select.for_each_row([&]() -> Result<void> {
    found.push_back({select.integer(0), select.text(1), select.text(2), select.integer(3)});
    return {};
  }));
  return found;
}

Result<Progress> Disk::progress() {
  auto select = TRY(database_.prepare("SELECT seq, rolled_0, rolled_1, rolled_2, rolled_3 FROM progress"));
  bool row = TRY(select.step());
  if (!row) return make_error(Code::kDataLoss, "the table of progress is empty");
  return Progress{select.integer(0), {select.integer(1), select.integer(2), select.integer(3), select.integer(4)}};
}

Result<void> Disk::put_series(const SeriesRow& row) {
  auto put = TRY(database_.prepare("INSERT OR REPLACE INTO series (id, key, unit, last) VALUES (?, ?, ?, ?)"));
  return put.bind(row.id).bind(row.key).bind(row.unit).bind(row.last).run();
}

Result<void> Disk::put_last(std::int64_t id, std::int64_t last) {
  auto put = TRY(database_.prepare("UPDATE series SET last = ? WHERE id = ?"));
  return put.bind(last).bind(id).run();
}

Result<void> Disk::remove_series(std::int64_t id) {
  auto remove = TRY(database_.prepare("DELETE FROM series WHERE id = ?"));
  return remove.bind(id).run();
}

Result<void> Disk::put_block(const BlockPlace& place, std::int64_t seq, const Block& block) {
  auto put = TRY(database_.prepare("INSERT INTO block (tier, shard, start, seq, kind, points) VALUES (?, ?, ?, ?, ?, ?)"));
  put.bind(kTiers[place.tier].period).bind(place.shard).bind(place.start).bind(seq);
  return put.bind(static_cast<std::int64_t>(block.kind)).bind(block.bytes).run();
}

Result<void> Disk::put_progress(const Progress& progress) {
  auto put = TRY(database_.prepare("UPDATE progress SET seq = ?, rolled_0 = ?, rolled_1 = ?, rolled_2 = ?, rolled_3 = ?"));
  return put.bind(progress.seq)
      .bind(progress.rolled[0])
      .bind(progress.rolled[1])
      .bind(progress.rolled[2])
      .bind(progress.rolled[3])
      .run();
}

Result<void> Disk::remove_blocks(const BlockPlace& end) {
  auto remove = TRY(database_.prepare("DELETE FROM block WHERE tier = ? AND shard = ? AND start < ?"));
  return remove.bind(kTiers[end.tier].period).bind(end.shard).bind(end.start).run();
}

Result<sqlite::Statement> Disk::select_blocks(const BlockPlace& begin, std::int64_t end, std::int64_t seq) {
  auto select = TRY(database_.prepare(
      "SELECT start, kind, points FROM block WHERE tier = ? AND shard = ? AND start >= ? AND start < ? AND seq <= ?"
      " ORDER BY start, seq, rowid"));
  select.bind(kTiers[begin.tier].period).bind(begin.shard).bind(begin.start).bind(end).bind(seq);
  return select;
}

}  // namespace zeropull::series
