#include "snapshot/metadata.h"

#include <unordered_map>

#include "snapshot/limits.h"

namespace zeropull::snapshot {

namespace {

constexpr std::int64_t kSchemaVersion = 1;

// AUTOINCREMENT keeps the numbers of removed rows from coming back.
constexpr const char* kSchema = R"(
BEGIN;
CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  parent_id INTEGER REFERENCES snapshots (id),
  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  created_ns INTEGER NOT NULL,
  updated_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inodes INTEGER NOT NULL,
  chain_id TEXT CHECK (chain_id IS NULL OR kind = 3)
) STRICT;
CREATE INDEX children ON snapshots (parent_id);
CREATE UNIQUE INDEX one_row_per_chain_and_parent ON snapshots (chain_id, ifnull(parent_id, 0)) WHERE chain_id IS NOT NULL;
CREATE TABLE labels (
  snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (snapshot_id, key)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
)";

// The columns that read_row reads; `rest` says of which rows.
std::string select_rows(std::string_view rest) {
  return fmt::format(
      "SELECT s.id, s.name, s.parent_id, p.name, s.kind, s.created_ns, s.updated_ns, s.size, s.inodes, s.chain_id "
      "FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent_id {}",
      rest);
}

std::int64_t to_ns(WallTime time) { return std::chrono::duration_cast<Duration>(time.time_since_epoch()).count(); }
WallTime from_ns(std::int64_t ns) { return WallTime(std::chrono::duration_cast<WallTime::duration>(Duration(ns))); }

// Our own text back from our own file: anything else is a damaged file.
Result<ChainId> parse_chain(const std::string& text) {
  auto chain_id = ChainId::parse(text);
  if (!chain_id) return make_error(Code::kDataLoss, "snapshot database: '{}' is not a chain id", text);
  return *chain_id;
}

Result<std::optional<ChainId>> chain_column(const sqlite::Statement& statement, int column) {
  if (statement.is_null(column)) return std::optional<ChainId>();
  auto chain_id = TRY(parse_chain(statement.text(column)));
  return std::optional<ChainId>(chain_id);
}

std::optional<std::int64_t> integer_column(const sqlite::Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return statement.integer(column);
}

Result<Row> read_row(const sqlite::Statement& statement) {
  Row row;
  row.id = statement.integer(0);
  row.info.name = statement.text(1);
  row.parent_id = integer_column(statement, 2);
  row.info.parent = statement.text(3);
  row.info.kind = static_cast<Kind>(statement.integer(4));
  row.info.created = from_ns(statement.integer(5));
  row.info.updated = from_ns(statement.integer(6));
  row.usage.size = static_cast<std::uint64_t>(statement.integer(7));
  row.usage.inodes = static_cast<std::uint64_t>(statement.integer(8));
  auto chain_id = TRY(chain_column(statement, 9));
  row.chain_id = chain_id;
  return row;
}

void bind_optional(sqlite::Statement& statement, std::optional<std::int64_t> value) {
  if (value) {
    statement.bind(*value);
  } else {
    statement.bind_null();
  }
}

}  // namespace

Result<Metadata> Metadata::open(const std::string& path) {
  auto database = TRY(sqlite::Database::open(path));
  auto version = TRY(database.user_version());
  if (version == 0) {
    TRY(database.execute(kSchema).with_context("make the tables of {}", path));
  } else if (version != kSchemaVersion) {
    return make_error(Code::kFailedPrecondition, "{} has format {}, this program knows {}; run the newer program", path, version,
                      kSchemaVersion);
  }
  return Metadata(std::move(database));
}

Result<std::optional<Row>> Metadata::find(const std::string& name) {
  auto statement = TRY(database_.prepare(select_rows("WHERE s.name = ?")));
  bool found = TRY(statement.bind(name).step());
  if (!found) return std::optional<Row>();
  auto row = TRY(read_row(statement));
  auto labels = TRY(read_labels(row.id));
  row.info.labels = std::move(labels);
  return std::optional<Row>(std::move(row));
}

Result<Row> Metadata::get(const std::string& name) {
  auto row = TRY(find(name));
  if (!row) return make_error(Code::kNotFound, "snapshot {} does not exist", name);
  return std::move(*row);
}

Result<std::optional<std::string>> Metadata::find_cached(const ChainId& chain_id, std::optional<std::int64_t> parent_id) {
  auto statement = TRY(database_.prepare("SELECT name FROM snapshots WHERE chain_id = ? AND ifnull(parent_id, 0) = ?"));
  bool found = TRY(statement.bind(chain_id.text()).bind(parent_id.value_or(0)).step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(statement.text(0));
}

Result<bool> Metadata::has_chain(const ChainId& chain_id) {
  auto statement = TRY(database_.prepare("SELECT 1 FROM snapshots WHERE chain_id = ? LIMIT 1"));
  return statement.bind(chain_id.text()).step();
}

Result<std::vector<Row>> Metadata::all() {
  std::vector<Row> rows;
  std::unordered_map<std::int64_t, std::size_t> place;
  auto statement = TRY(database_.prepare(select_rows("ORDER BY s.chain_id IS NULL, s.id")));
  TRY(statement.for_each_row([&]() -> Result<void> {
    auto row = TRY(read_row(statement));
    place.emplace(row.id, rows.size());
    rows.push_back(std::move(row));
    return {};
  }));
  auto labels = TRY(database_.prepare("SELECT snapshot_id, key, value FROM labels"));
  TRY(labels.for_each_row([&]() -> Result<void> {
    auto found = place.find(labels.integer(0));
    if (found != place.end()) rows[found->second].info.labels.emplace(labels.text(1), labels.text(2));
    return {};
  }));
  return rows;
}

Result<std::vector<std::int64_t>> Metadata::ids() {
  std::vector<std::int64_t> ids;
  auto statement = TRY(database_.prepare("SELECT id FROM snapshots ORDER BY id"));
  TRY(statement.for_each_row([&]() -> Result<void> {
    ids.push_back(statement.integer(0));
    return {};
  }));
  return ids;
}

Result<std::vector<ChainId>> Metadata::chains() {
  std::vector<ChainId> chains;
  auto statement = TRY(database_.prepare("SELECT DISTINCT chain_id FROM snapshots WHERE chain_id IS NOT NULL"));
  TRY(statement.for_each_row([&]() -> Result<void> {
    auto chain_id = TRY(parse_chain(statement.text(0)));
    chains.push_back(chain_id);
    return {};
  }));
  return chains;
}

Result<std::vector<Ancestor>> Metadata::ancestry(std::int64_t id) {
  std::vector<Ancestor> ancestors;
  auto statement = TRY(database_.prepare(
      "WITH RECURSIVE up (depth, id, parent_id, chain_id) AS ("
      "  SELECT 0, id, parent_id, chain_id FROM snapshots WHERE id = ?"
      "  UNION ALL SELECT up.depth + 1, s.id, s.parent_id, s.chain_id FROM up JOIN snapshots s ON s.id = up.parent_id"
      ") SELECT id, chain_id FROM up ORDER BY depth"));
  statement.bind(id);
  TRY(statement.for_each_row([&]() -> Result<void> {
    if (ancestors.size() == kAncestorsMax) {
      return make_error(Code::kOutOfRange, "a snapshot has more than {} parents; the kernel mounts no more", kAncestorsMax);
    }
    auto chain_id = TRY(chain_column(statement, 1));
    ancestors.push_back({.id = statement.integer(0), .chain_id = chain_id});
    return {};
  }));
  return ancestors;
}

Result<std::int64_t> Metadata::insert(const NewRow& row) {
  auto statement =
      TRY(database_.prepare("INSERT INTO snapshots (name, parent_id, kind, created_ns, updated_ns, size, inodes, chain_id) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  statement.bind(row.name);
  bind_optional(statement, row.parent_id);
  statement.bind(static_cast<std::int64_t>(row.kind)).bind(to_ns(row.now)).bind(to_ns(row.now));
  statement.bind(static_cast<std::int64_t>(row.usage.size)).bind(static_cast<std::int64_t>(row.usage.inodes));
  if (row.chain_id) {
    statement.bind(row.chain_id->text());
  } else {
    statement.bind_null();
  }
  auto inserted = statement.run();
  if (inserted.failed_with(Code::kAlreadyExists)) {
    return make_error(Code::kAlreadyExists, "snapshot {} already exists", row.name);
  }
  TRY(std::move(inserted));
  std::int64_t id = database_.last_insert_id();
  TRY(write_labels(id, row.labels));
  return id;
}

Result<void> Metadata::commit_active(const Commit& commit) {
  auto statement = TRY(database_.prepare(
      "UPDATE snapshots SET name = ?, kind = ?, created_ns = ?, updated_ns = ?, size = ?, inodes = ? WHERE id = ?"));
  statement.bind(commit.name).bind(static_cast<std::int64_t>(Kind::kCommitted));
  statement.bind(to_ns(commit.now)).bind(to_ns(commit.now));
  statement.bind(static_cast<std::int64_t>(commit.usage.size)).bind(static_cast<std::int64_t>(commit.usage.inodes));
  auto updated = statement.bind(commit.id).run();
  if (updated.failed_with(Code::kAlreadyExists)) {
    return make_error(Code::kAlreadyExists, "committed snapshot {} already exists", commit.name);
  }
  TRY(std::move(updated));
  return write_labels(commit.id, commit.labels);
}

Result<void> Metadata::set_labels(std::int64_t id, const Labels& labels, WallTime now) {
  auto statement = TRY(database_.prepare("UPDATE snapshots SET updated_ns = ? WHERE id = ?"));
  TRY(statement.bind(to_ns(now)).bind(id).run());
  return write_labels(id, labels);
}

Result<void> Metadata::remove(std::int64_t id) {
  auto statement = TRY(database_.prepare("DELETE FROM snapshots WHERE id = ?"));
  auto removed = statement.bind(id).run();
  if (removed.failed_with(Code::kFailedPrecondition)) {
    return make_error(Code::kFailedPrecondition, "cannot remove snapshot with child");
  }
  return removed;
}

// As containerd's store does (metadata/boltutil), an empty value is no label.
Result<void> Metadata::write_labels(std::int64_t id, const Labels& labels) {
  auto clear = TRY(database_.prepare("DELETE FROM labels WHERE snapshot_id = ?"));
  TRY(clear.bind(id).run());
  for (const auto& [key, value] : labels) {
    if (value.empty()) continue;
    auto statement = TRY(database_.prepare("INSERT INTO labels (snapshot_id, key, value) VALUES (?, ?, ?)"));
    TRY(statement.bind(id).bind(key).bind(value).run());
  }
  return {};
}

Result<Labels> Metadata::read_labels(std::int64_t id) {
  Labels labels;
  auto statement = TRY(database_.prepare("SELECT key, value FROM labels WHERE snapshot_id = ?"));
  statement.bind(id);
  TRY(statement.for_each_row([&]() -> Result<void> {
    labels.emplace(statement.text(0), statement.text(1));
    return {};
  }));
  return labels;
}

}  // namespace zeropull::snapshot
