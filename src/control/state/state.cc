#include "control/state/state.h"

#include <map>
#include <set>

#include "control/state/tables.h"

namespace zeropull::state {

// A commit that waits for its turn.
struct State::Pending {
  Changes* changes;
  std::optional<Result<Revision>> answer;
  std::vector<Changed> changed;
};

struct State::Listeners {
  struct Entries {
    std::map<std::uint64_t, Listener> by_number;
    std::uint64_t next = 0;
  };
  Guarded<Entries> entries;
};

namespace {

constexpr Duration kWriteTimeout = std::chrono::minutes(1);

// In one transaction with others, a commit may not touch what an earlier one of them wrote: it was read before that.
Result<void> check_revisions(const Tables& tables, const std::set<std::string>& written, const std::string& key,
                             Revision expected) {
  Revision now = tables.revision_of(key);
  if (written.contains(key) || now != expected) {
    return make_error(Code::kAborted, "{} has changed since it was read (revision {}, now {}); read it again", key, expected,
                      now);
  }
  return {};
}

}  // namespace

State::State(std::unique_ptr<Kv> kv)
    : kv_(std::move(kv)), tables_(std::make_unique<Tables>()), listeners_(std::make_shared<Listeners>()) {}
State::~State() = default;

Result<std::unique_ptr<State>> State::create(const Context& ctx, std::unique_ptr<Kv> kv) {
  auto rows = TRY(kv->list(ctx, "").with_context("read the state"));
  std::unique_ptr<State> state(new State(std::move(kv)));
  for (auto& row : rows) {
    auto record = TRY(parse_record(row.key, row.value).with_context("read the state"));
    state->tables_->put(row.key, std::move(record), row.revision);
  }
  return state;
}

View State::view() const { return View(*tables_, std::shared_lock(tables_mutex_)); }

Result<Revision> State::commit(const Context& ctx, Changes changes) {
  TRY(ctx.check());
  if (changes.empty()) return Revision{0};
  Pending mine{&changes, {}, {}};
  queue_.lock()->push_back(&mine);
  {
    std::lock_guard lock(commit_mutex_);
    if (!mine.answer) commit_queued_locked();  // else one that came before took it along
  }
  if (mine.answer->ok()) {
    auto entries = listeners_->entries.lock();
    for (const auto& [number, listener] : entries->by_number) listener(mine.changed);
  }
  return std::move(*mine.answer);
}

// Answers every commit of the queue. The disk has them before memory, in one transaction.
void State::commit_queued_locked() {
  std::vector<Pending*> queued = std::exchange(*queue_.lock(), {});
  Transaction transaction;
  std::set<std::string> written;
  std::vector<Pending*> accepted;
  for (auto* pending : queued) {
    Result<void> current;
    for (const auto& entry : pending->changes->entries_) {
      current = check_revisions(*tables_, written, entry.key, entry.expected);
      if (!current.ok()) break;
    }
    if (!current.ok()) {
      pending->answer = std::move(current).take_error();
      continue;
    }
    accepted.push_back(pending);
    for (const auto& entry : pending->changes->entries_) {
      transaction.conditions.push_back({entry.key, entry.expected});
      if (!entry.record && !entry.removed) continue;
      written.insert(entry.key);
      transaction.writes.push_back({entry.key, entry.record ? std::optional(record_text(*entry.record)) : std::nullopt});
    }
  }
  if (accepted.empty()) return;
  // With a deadline of its own: it is the commit of all of them.
  auto committed = kv_->commit(Context::root("state", {}, kWriteTimeout), transaction);
  if (!committed.ok()) {
    // kAborted would say "try again", where the disk differs from what this process has written to it.
    auto code = committed.failed_with(Code::kAborted) ? Code::kDataLoss : committed.error().code();
    for (auto* pending : accepted) pending->answer = make_error(code, "write the state: {}", committed.error().message());
    return;
  }
  std::unique_lock lock(tables_mutex_);
  for (auto* pending : accepted) {
    for (auto& entry : pending->changes->entries_) {
      if (entry.record) {
        tables_->put(entry.key, std::move(*entry.record), *committed);
        pending->changed.push_back({entry.key, tables_->endpoint_uid_of(entry.key), false});
      } else if (entry.removed) {
        pending->changed.push_back({entry.key, tables_->endpoint_uid_of(entry.key), true});
        tables_->remove(entry.key);
      }
    }
    pending->answer = *committed;
  }
}

Result<Revision> State::update(const Context& ctx, const std::function<Result<Changes>(const View&)>& build) {
  while (true) {
    TRY(ctx.check());
    std::optional<Changes> changes;
    {
      auto now = view();
      changes = TRY(build(now));
    }
    auto committed = commit(ctx, std::move(*changes));
    if (!committed.failed_with(Code::kAborted)) return committed;
  }
}

Result<void> State::scrub(const Context& ctx) {
  std::lock_guard lock(commit_mutex_);
  return kv_->scrub(ctx);
}

std::unique_ptr<State::Subscription> State::subscribe(Listener listener) {
  class Entry final : public Subscription {
   public:
    Entry(std::shared_ptr<Listeners> listeners, Listener call) : listeners_(std::move(listeners)) {
      auto entries = listeners_->entries.lock();
      number_ = entries->next++;
      entries->by_number.emplace(number_, std::move(call));
    }
    ~Entry() override { listeners_->entries.lock()->by_number.erase(number_); }

   private:
    const std::shared_ptr<Listeners> listeners_;
    std::uint64_t number_ = 0;
  };
  return std::make_unique<Entry>(listeners_, std::move(listener));
}

}  // namespace zeropull::state
