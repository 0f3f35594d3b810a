#include "sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "base/check.h"
#include "os/file.h"

namespace zeropull::sqlite {

namespace {

Code code_of(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY: return Code::kAlreadyExists;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return Code::kFailedPrecondition;
    default: break;
  }
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR: return Code::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_NOMEM: return Code::kResourceExhausted;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return Code::kPermissionDenied;
    default: return Code::kInternal;
  }
}

Error error_of(sqlite3* connection, std::string_view what) {
  return make_error(code_of(sqlite3_extended_errcode(connection)), "{}: {}", what, sqlite3_errmsg(connection));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

// Binding fails only on a wrong parameter number, a statement already stepped, or memory: all broken invariants.
Statement& Statement::bind(std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_.get(), ++bound_, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  const char* text = value.data() == nullptr ? "" : value.data();  // null would bind NULL
  CHECK(sqlite3_bind_text64(statement_.get(), ++bound_, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_null() {
  CHECK(sqlite3_bind_null(statement_.get(), ++bound_) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  int answer = sqlite3_step(statement_.get());
  if (answer == SQLITE_ROW) return true;
  if (answer == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()));
}

Result<void> Statement::run() {
  bool row = TRY(step());
  CHECK(!row);
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close(connection); }

Result<Database> Database::open(const std::string& path) {
  {
    auto file = TRY(os::open_file(path, O_RDWR | O_CREAT, 0600));  // for the mode: SQLite's files take it from this one
  }
  sqlite3* raw = nullptr;
  int answer = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (raw == nullptr) return make_error(Code::kResourceExhausted, "open {}: out of memory", path);
  Database database(raw);
  if (answer != SQLITE_OK) return error_of(raw, fmt::format("open {}", path));
  // Exclusive locking before the first access: then the log's index is in memory and no second process gets in.
  auto configured = database.execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "BEGIN EXCLUSIVE; COMMIT");
  if (configured.failed_with(Code::kFailedPrecondition)) {
    return make_error(Code::kFailedPrecondition, "open {}: another process uses this state folder; stop it first", path);
  }
  if (!configured.ok()) return std::move(configured).take_error().with(fmt::format("open {}", path));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (connection_ == nullptr) return make_error(Code::kUnavailable, "the database is closed");
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) {
    return error_of(connection_.get(), sql);
  }
  return Statement(raw);
}

Result<void> Database::execute(const std::string& sql) {
  if (connection_ == nullptr) return make_error(Code::kUnavailable, "the database is closed");
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error_of(connection_.get(), sql);
  }
  return {};
}

Result<std::int64_t> Database::user_version() {
  auto query = TRY(prepare("PRAGMA user_version"));
  TRY(query.step());
  return query.integer(0);
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(connection_.get()); }
std::int64_t Database::changed_rows() const { return sqlite3_changes64(connection_.get()); }
void Database::close() { connection_.reset(); }

Result<Transaction> Transaction::begin(Database& database) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  TRY(database_->execute("COMMIT"));  // a failed COMMIT leaves it open, and the destructor rolls back
  database_ = nullptr;
  return {};
}

}  // namespace zeropull::sqlite
