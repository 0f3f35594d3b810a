#include "control/state/memory_kv.h"

#include <map>

#include "base/guarded.h"

namespace zeropull::state {

namespace {

struct Rows {
  std::map<std::string, KeyValue, std::less<>> by_key;
  Revision last = 0;
};

class MemoryKv final : public Kv {
 public:
  explicit MemoryKv(std::function<Result<void>()> before_commit) : before_commit_(std::move(before_commit)) {}

  Result<std::optional<KeyValue>> get(const Context& ctx, const std::string& key) override {
    TRY(ctx.check());
    auto rows = rows_.lock();
    auto found = rows->by_key.find(key);
    if (found == rows->by_key.end()) return std::optional<KeyValue>();
    return std::optional(found->second);
  }

  Result<std::vector<KeyValue>> list(const Context& ctx, const std::string& prefix) override {
    TRY(ctx.check());
    auto rows = rows_.lock();
    std::vector<KeyValue> found;
    for (auto at = rows->by_key.lower_bound(prefix); at != rows->by_key.end() && at->first.starts_with(prefix); ++at) {
      found.push_back(at->second);
    }
    return found;
  }

  Result<Revision> commit(const Context& ctx, const Transaction& transaction) override {
    TRY(ctx.check());
    if (before_commit_) TRY(before_commit_());
    auto rows = rows_.lock();
    for (const auto& condition : transaction.conditions) {
      auto found = rows->by_key.find(condition.key);
      Revision now = found == rows->by_key.end() ? 0 : found->second.revision;
      if (now != condition.revision) {
        return make_error(Code::kAborted, "{} has revision {}, not {}", condition.key, now, condition.revision);
      }
    }
    ++rows->last;
    for (const auto& write : transaction.writes) {
      if (write.value) {
        rows->by_key.insert_or_assign(write.key, KeyValue{write.key, *write.value, rows->last});
      } else {
        rows->by_key.erase(write.key);
      }
    }
    return rows->last;
  }

  Result<void> scrub(const Context& ctx) override { return ctx.check(); }

 private:
  const std::function<Result<void>()> before_commit_;
  Guarded<Rows> rows_;
};

}  // namespace

std::unique_ptr<Kv> make_memory_kv(std::function<Result<void>()> before_commit) {
  return std::make_unique<MemoryKv>(std::move(before_commit));
}

}  // namespace zeropull::state
