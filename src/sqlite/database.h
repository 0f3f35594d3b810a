// A thin RAII wrapper of SQLite: a database, statements, a transaction. One connection, used by one thread at a time (its owner
// locks); a process has its database alone (exclusive locking), which also is how a state folder is protected from a second
// process. Durability: write-ahead log with synchronous=FULL, so a committed transaction survives a power loss.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace zeropull::sqlite {

// One execution of one SQL statement. Parameters are bound in order of the calls.
class Statement {
 public:
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind_null();
  // Whether there is a row; false at the end. kAlreadyExists: a UNIQUE constraint; kFailedPrecondition: a foreign key.
  Result<bool> step();
  // Steps a statement that returns no rows.
  Result<void> run();
  // Calls visit(), which returns Result<void>, on each row; its first error ends it.
  template <typename Visit>
  Result<void> for_each_row(Visit visit) {
    while (true) {
      bool row = TRY(step());
      if (!row) return {};
      TRY(visit());
    }
  }

  // Columns of the current row, from 0.
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

class Database {
 public:
  // Opens or makes it, mode 0600. kFailedPrecondition: another process has it open. kDataLoss: not a database, or damaged.
  static Result<Database> open(const std::string& path);

  // kUnavailable after close().
  Result<Statement> prepare(std::string_view sql);
  // Statements without parameters or rows, separated by ';'.
  Result<void> execute(const std::string& sql);
  // The number of its format, which its owner set with PRAGMA user_version; 0 for a new one.
  Result<std::int64_t> user_version();
  std::int64_t last_insert_id() const;
  std::int64_t changed_rows() const;  // by the last statement
  void close();                       // idempotent; no Statement may be alive

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  std::unique_ptr<sqlite3, Close> connection_;
};

// Rolls back at the end of scope unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once ended
};

}  // namespace zeropull::sqlite
