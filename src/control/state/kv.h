// Kv: the durable ground of the control plane: an ordered map of keys to values with atomic, conditional transactions, which is
// what SQLite gives today and etcd for several replicas later. A commit that returned survives `kill -9` and power loss.
//
// Keys are paths of printable ASCII ("endpoint/<uid>"). Every value carries the revision of the commit that wrote it; conditions
// compare it, as etcd's mod_revision. Thread-safe; calls block for the disk alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace zeropull::state {

using Revision = std::int64_t;  // 0: the key does not exist

struct KeyValue {
  std::string key;
  std::string value;
  Revision revision = 0;
};

struct Condition {
  std::string key;
  Revision revision = 0;  // that the key must have now
};

struct Write {
  std::string key;
  std::optional<std::string> value;  // absent: the key is removed
};

struct Transaction {
  std::vector<Condition> conditions;
  std::vector<Write> writes;
};

class Kv {
 public:
  virtual ~Kv() = default;
  virtual Result<std::optional<KeyValue>> get(const Context& ctx, const std::string& key) = 0;
  virtual Result<std::vector<KeyValue>> list(const Context& ctx, const std::string& prefix) = 0;  // by key
  // kAborted when a condition does not hold; then nothing was written. The revision of what was written.
  virtual Result<Revision> commit(const Context& ctx, const Transaction& transaction) = 0;
  // What was removed or replaced is gone from the disk when this returns: write-ahead log truncated, free pages zeroed.
  virtual Result<void> scrub(const Context& ctx) = 0;
};

}  // namespace zeropull::state
