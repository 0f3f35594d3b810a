// Metadata: the rows of the snapshotter in SQLite. It knows the rules that hold between rows (unique names, parents that exist,
// no parent removed before its children) and nothing of folders and mounts. Used by one thread at a time (OverlaySnapshotter
// locks). Row numbers are never used twice, so a folder named after a removed row is nobody's.
//
// Changes of several statements run in a Transaction that the caller holds; every other change is a transaction of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "snapshot/info.h"
#include "sqlite/database.h"

namespace zeropull::snapshot {

struct Row {
  std::int64_t id = 0;
  std::optional<std::int64_t> parent_id;
  std::optional<ChainId> chain_id;  // of a cached row: the prefix that it stands for
  Info info;
  Usage usage;  // of a committed row
};

struct NewRow {
  Kind kind = Kind::kActive;
  std::string name;
  std::optional<std::int64_t> parent_id;
  std::optional<ChainId> chain_id;
  Labels labels;
  Usage usage;
  WallTime now;
};

// A row's place in an ancestry, without its text.
struct Ancestor {
  std::int64_t id = 0;
  std::optional<ChainId> chain_id;
};

class Metadata {
 public:
  static Result<Metadata> open(const std::string& path);

  Result<sqlite::Transaction> begin() { return sqlite::Transaction::begin(database_); }

  Result<Row> get(const std::string& name);  // kNotFound
  Result<std::optional<Row>> find(const std::string& name);
  Result<std::optional<std::string>> find_cached(const ChainId& chain_id, std::optional<std::int64_t> parent_id);  // its name
  Result<bool> has_chain(const ChainId& chain_id);
  Result<std::vector<Row>> all();                           // cached rows first, then by age
  Result<std::vector<std::int64_t>> ids();                  // ascending
  Result<std::vector<ChainId>> chains();                    // of cached rows, each once
  Result<std::vector<Ancestor>> ancestry(std::int64_t id);  // from this row down to the bottom; kOutOfRange when too deep

  Result<std::int64_t> insert(const NewRow& row);  // kAlreadyExists: the name is taken
  struct Commit {
    std::int64_t id = 0;
    std::string name;
    Labels labels;
    Usage usage;
    WallTime now;
  };
  Result<void> commit_active(const Commit& commit);  // kAlreadyExists: the name is taken
  Result<void> set_labels(std::int64_t id, const Labels& labels, WallTime now);
  Result<void> remove(std::int64_t id);  // kFailedPrecondition while it has children

  void close() { database_.close(); }

 private:
  explicit Metadata(sqlite::Database database) : database_(std::move(database)) {}
  Result<void> write_labels(std::int64_t id, const Labels& labels);
  Result<Labels> read_labels(std::int64_t id);
  sqlite::Database database_;
};

}  // namespace zeropull::snapshot
