#include "control/state/sqlite_kv.h"

#include "base/guarded.h"
#include "sqlite/database.h"

namespace zeropull::state {

namespace {

constexpr std::int64_t kFormatVersion = 1;

class SqliteKv final : public Kv {
 public:
  explicit SqliteKv(sqlite::Database database) : database_(std::move(database)) {}

  Result<std::optional<KeyValue>> get(const Context& ctx, const std::string& key) override {
    TRY(ctx.check());
    auto database = database_.lock();
    auto select = TRY(database->prepare("SELECT value, revision FROM kv WHERE key = ?"));
    bool found = TRY(select.bind(key).step());
    if (!found) return std::optional<KeyValue>();
    return std::optional(KeyValue{key, select.text(0), select.integer(1)});
  }

  Result<std::vector<KeyValue>> list(const Context& ctx, const std::string& prefix) override {
    TRY(ctx.check());
    auto database = database_.lock();
    // Keys are ASCII, so that no key with this prefix comes after it and a DEL.
    auto select = TRY(database->prepare("SELECT key, value, revision FROM kv WHERE key >= ? AND key < ? ORDER BY key"));
    select.bind(prefix).bind(prefix + "\x7f");
    std::vector<KeyValue> found;
    TRY(select.for_each_row([&]() -> Result<void> {
      found.push_back({select.text(0), select.text(1), select.integer(2)});
      return {};
    }));
    return found;
  }

  Result<Revision> commit(const Context& ctx, const Transaction& transaction) override {
    TRY(ctx.check());
    auto database = database_.lock();
    auto in_database = TRY(sqlite::Transaction::begin(*database));
    for (const auto& condition : transaction.conditions) {
      auto select = TRY(database->prepare("SELECT revision FROM kv WHERE key = ?"));
      bool found = TRY(select.bind(condition.key).step());
      Revision now = found ? select.integer(0) : 0;
      if (now != condition.revision) {
        return make_error(Code::kAborted, "{} has revision {}, not {}", condition.key, now, condition.revision);
      }
    }
    Revision revision = 0;
    {
      auto next = TRY(database->prepare("UPDATE revision SET last = last + 1 RETURNING last"));
      TRY(next.step());
      revision = next.integer(0);
    }
    for (const auto& write : transaction.writes) TRY(apply(*database, write, revision));
    TRY(in_database.commit());
    return revision;
  }

  Result<void> scrub(const Context& ctx) override {
    TRY(ctx.check());
    auto database = database_.lock();
    TRY(database->execute("VACUUM"));
    auto checkpoint = TRY(database->prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
    bool row = TRY(checkpoint.step());
    if (!row || checkpoint.integer(0) != 0) return make_error(Code::kInternal, "the write-ahead log could not be truncated");
    return {};
  }

 private:
  static Result<void> apply(sqlite::Database& database, const Write& write, Revision revision) {
    if (!write.value) {
      auto remove = TRY(database.prepare("DELETE FROM kv WHERE key = ?"));
      return remove.bind(write.key).run();
    }
    auto put = TRY(database.prepare("INSERT OR REPLACE INTO kv (key, value, revision) VALUES (?, ?, ?)"));
    return put.bind(write.key).bind(*write.value).bind(revision).run();
  }

  Guarded<sqlite::Database> database_;
};

Result<void> prepare_schema(sqlite::Database& database) {
  // temp_store: what VACUUM copies never lies in a file of its own.
  TRY(database.execute("PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY"));
  auto version = TRY(database.user_version());
  if (version == kFormatVersion) return {};
  if (version != 0) return make_error(Code::kDataLoss, "format version {}, where this program knows {}", version, kFormatVersion);
  return database.execute(
      fmt::format("BEGIN;"
                  "CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;"
                  "CREATE TABLE revision (last INTEGER NOT NULL); INSERT INTO revision VALUES (0);"
                  "PRAGMA user_version={}; COMMIT",
                  kFormatVersion));
}

}  // namespace

Result<std::unique_ptr<Kv>> open_sqlite_kv(const std::string& path) {
  auto database = TRY(sqlite::Database::open(path));
  TRY(prepare_schema(database).with_context("open {}", path));
  return std::unique_ptr<Kv>(std::make_unique<SqliteKv>(std::move(database)));
}

}  // namespace zeropull::state
